"""Latest purchase: nobody is recognised by it, and nothing intimate is shown."""

import pytest

from visitors.cards.latest_purchase import places, sensitive
from visitors.cards.latest_purchase.conftest import OUD, Shop


def test_a_city_only_in_a_crowd(shop: Shop) -> None:
    shop.set(max_items=10)
    for _ in range(19):
        shop.order()
    assert {row["place"] for row in shop.shown()} == {"القصيم"}
    shop.order()
    assert {row["place"] for row in shop.shown()} == {"بريدة"}
    assert {row["place"] for row in shop.shown("en")} == {"Buraydah"}
    shop.set(city_minimum=21)
    assert {row["place"] for row in shop.shown()} == {"القصيم"}


def test_unpaid_orders_make_no_crowd(shop: Shop) -> None:
    shop.order()
    for _ in range(19):
        shop.order(is_pending_payment=True)
    assert shop.shown()[0]["place"] == "القصيم"


@pytest.mark.parametrize(
    "address", [{"city": "دبي", "country_code": "AE"}, {"city": "بريدة", "country": "KW"}, {"city": "حيّنا"}]
)
def test_no_place_for_what_is_unknown_or_abroad(shop: Shop, address: dict[str, str]) -> None:
    shop.order(shipping={"address": address})
    assert shop.shown()[0]["place"] == ""


def test_a_name_only_when_wanted_and_never_beside_a_place(shop: Shop) -> None:
    shop.order()
    shop.order(customer={"id": 7, "first_name": "0501234567", "last_name": ""})
    shop.set(show_first_name=True)
    assert [(row["who"], row["place"]) for row in shop.shown()] == [("", "القصيم"), ("نورة", "")]
    shop.set(show_place=False)
    assert [(row["who"], row["place"]) for row in shop.shown()] == [("", ""), ("", "")]


@pytest.mark.parametrize(
    ("name", "categories"),
    [
        ("لانجري حرير", []),
        ("مسك طهارة أبيض", []),
        ("والملابس الداخلية القطنية", []),
        ("Lace BRA", []),
        ("طقم هدية", ["أدوية"]),
    ],
)
def test_intimate_and_medical_products_are_never_shown(shop: Shop, name: str, categories: list[str]) -> None:
    shop.product(name=name, categories=[{"id": 1, "name": each} for each in categories])
    shop.order()
    assert shop.shown() == []
    assert shop.health()[1:] == ["1 has only products that are never shown."]


def test_the_next_product_of_the_order_is_taken(shop: Shop) -> None:
    shop.product(id=1, name="واقي ذكري", sku="X")
    items = [{"product": {"id": 1}, "name": "واقي ذكري"}, {"product": {"id": OUD["id"]}, "name": OUD["name"]}]
    shop.order(items=items)
    assert [row["product"] for row in shop.shown()] == ["دهن عود كمبودي"]


SECRETS = """
    كلوت قطن, كلوتات قطنية, كولوت, كولوتات, سراويل داخلية, السراويل الداخلية, بوكسر, بوكسرات رجالي, والبوكسرات, كوندوم,
    فياجرا, سيالس, هزاز, هزازات, لعبة للبالغين, لعبة بالغين, ألعاب للبالغين, ألعاب البالغين, الألعاب للبالغين, مشدات,
    منشطات, مزلقات, علاجات, فوط أولويز, فوط أولويز الصحية, فوط صحية, فوط_صحية, ملابس نوم, ملابس النوم, Dildo, dildos,
    G-string, G-Strings, g_string, Bralette, bralettes, Durex, bra, bras, bra_set, BRA_SET_01, condoms, tampons, pills,
    drugs, supplements, sanitary pads, adult diapers, pregnancy tests, Cialis
"""
EVERYDAY = """
    تمر سكري فاخر, حبوب القهوة, كبسولات قهوة, عطر طبيعي, Brass lamp, قلم سلس, بروش, بروشات, طقم_بروش, brand, Brands,
    branch, bracelet, bracelets_set, brass_lamp, Bravo, pillow, string lights, ملابس أطفال, سراويل رياضية, فوط مطبخ,
    ألعاب أطفال, لعبة ورق, essex, drugget
"""


def listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


@pytest.mark.parametrize("name", listed(SECRETS))
def test_secrets_are_known_in_all_their_forms(name: str) -> None:
    assert sensitive.is_sensitive([name])


@pytest.mark.parametrize("name", listed(EVERYDAY))
def test_everyday_words_are_not_taken_for_secrets(name: str) -> None:
    assert not sensitive.is_sensitive([name])


@pytest.mark.parametrize(
    ("excluded", "is_shown"),
    [("العود", False), ("oud-1", False), ("720881993", False), ("مسك\nعود", False), ("عو", True), ("!!!\n\n", True)],
)
def test_the_merchants_own_exclusions(shop: Shop, excluded: str, is_shown: bool) -> None:
    shop.order()
    shop.set(excluded=excluded)
    assert len(shop.shown()) == is_shown


# Places


@pytest.mark.parametrize(
    ("spelling", "city", "region"),
    [
        ("الرياض", "الرياض", "منطقة الرياض"),
        ("مدينة الرياض", "الرياض", "منطقة الرياض"),
        ("RIYADH", "الرياض", "منطقة الرياض"),
        ("جده", "جدة", "منطقة مكة المكرمة"),
        ("مكه", "مكة المكرمة", "منطقة مكة المكرمة"),
        ("المدينه المنوره", "المدينة المنورة", "منطقة المدينة المنورة"),
        ("Al-Khobar", "الخبر", "المنطقة الشرقية"),
        ("alkhobar", "الخبر", "المنطقة الشرقية"),
        ("الأحساء", "الأحساء", "المنطقة الشرقية"),
        ("الهفوف", "الأحساء", "المنطقة الشرقية"),
        ("Ha'il", "حائل", "منطقة حائل"),
        ("أبها", "أبها", "عسير"),
        ("ابها", "أبها", "عسير"),
        ("Khamis Mushait", "خميس مشيط", "عسير"),
        ("عُنيزة", "عنيزة", "القصيم"),
        ("سكاكا", "سكاكا", "الجوف"),
        ("جيزان", "جازان", "منطقة جازان"),
    ],
)
def test_cities_as_people_spell_them(spelling: str, city: str, region: str) -> None:
    found = places.find(spelling, "السعودية")
    assert found is not None
    assert (found.names["ar"], found.region["ar"]) == (city, region)


def test_there_are_thirteen_regions() -> None:
    assert len(places.REGIONS) == 13
    assert places.find("") is None
