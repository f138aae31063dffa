"""Consent bar: what the merchant reads of it, and what a yes and a no come to; the browser's part is in tests/e2e."""

import pytest
from django.test import Client
from django.utils import translation

from core.models import Merchant
from events import ingest
from features import report, services
from tests.shoppers import beacon, send
from visitors.cards.consent_bar.card import CARD, GIVEN, REFUSED, health
from visitors.cards.visitor_data.card import CARD as VISITOR_DATA

STORE = 1305146709


def lines(merchant: Merchant) -> list[str]:
    with translation.override("en"):
        return health(merchant, services.settings_of(merchant, CARD))


@pytest.mark.django_db
def test_without_visits_it_says_what_is_missed(merchant: Merchant) -> None:
    assert lines(merchant) == ["«Visitor data» is off: visitors are counted, and no visit of theirs is kept."]
    services.switch(merchant, card=VISITOR_DATA, is_on=True)
    assert lines(merchant) == []


@pytest.mark.django_db
def test_each_answer_is_counted(merchant: Merchant, client: Client) -> None:
    services.switch(merchant, card=CARD, is_on=True)
    data = {"card": CARD.slug}
    for name in (GIVEN, REFUSED, REFUSED):
        assert send(client, beacon([{"name": name, "data": data}]), store=STORE) == 204
    assert send(client, beacon([{"name": "consent.sold", "data": data}]), store=STORE) == 400
    assert send(client, beacon([{"name": GIVEN, "data": {"card": "live_counter"}}]), store=STORE) == 400
    ingest.drain()
    numbers = {str(each.measure.name): each.total for each in report.of(merchant, CARD, days=7).series}
    assert numbers == {GIVEN: 1, REFUSED: 2}


@pytest.mark.django_db
def test_it_tells_shoppers_its_words_in_both_languages(merchant: Merchant) -> None:
    """Also of settings that were saved before there were words in English."""
    settings = services.settings_of(merchant, CARD)
    assert settings.dump(public=True) == {
        "text": "هل تسمح لنا بالتعرّف عليك في زيارتك القادمة؟ يساعدنا ذلك على تحسين المتجر، ولا نحفظ اسمًا ولا رقمًا.",
        "text_en": "May we recognize you on your next visit? It helps us improve the store. "
        "No name and no number is kept.",
        "position": "start",
    }
    services.switch(merchant, card=CARD, is_on=True)
    merchant.features.filter(slug=CARD.slug).update(settings={"text": "نتذكّرك؟", "position": "end"})
    told = services.settings_of(merchant, CARD).dump(public=True)
    assert told == {"text": "نتذكّرك؟", "text_en": settings.text_en, "position": "end"}
