"""Saudi cities and the administrative regions in which they lie, as people spell them in Arabic and English.

A city that is not here has no place: better none than a wrong one.
"""

import re
import unicodedata
from dataclasses import dataclass

# Region in Arabic and English, then its cities: Arabic and English names, and other spellings after the first two.
REGIONS: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("منطقة الرياض", "Riyadh Region"): (
        ("الرياض", "Riyadh", "Ar Riyad"), ("الخرج", "Al Kharj"), ("الدوادمي", "Ad Dawadimi", "Dawadmi"),
        ("المجمعة", "Al Majmaah"), ("القويعية", "Al Quwayiyah"), ("وادي الدواسر", "Wadi ad-Dawasir"),
        ("الأفلاج", "Al Aflaj", "ليلى", "Layla"), ("الزلفي", "Az Zulfi"), ("شقراء", "Shaqra"),
        ("حوطة بني تميم", "Hotat Bani Tamim"), ("عفيف", "Afif"), ("السليل", "As Sulayyil"), ("ضرما", "Dhurma"),
        ("المزاحمية", "Al Muzahimiyah"), ("رماح", "Rumah"), ("ثادق", "Thadiq"), ("حريملاء", "Huraymila"),
        ("الدرعية", "Diriyah", "Ad Diriyah"), ("مرات", "Marat"), ("الغاط", "Al Ghat"), ("الدلم", "Ad Dilam"),
    ),
    ("منطقة مكة المكرمة", "Makkah Region"): (
        ("مكة المكرمة", "Makkah", "مكة", "Mecca", "Makkah Al Mukarramah"), ("جدة", "Jeddah", "Jidda", "Jedda"),
        ("الطائف", "Taif", "At Taif"), ("القنفذة", "Al Qunfudhah"), ("الليث", "Al Lith"), ("رابغ", "Rabigh"),
        ("خليص", "Khulais"), ("الجموم", "Al Jumum"), ("الخرمة", "Al Khurmah"), ("رنية", "Ranyah"),
        ("تربة", "Turubah"), ("الكامل", "Al Kamil"), ("المويه", "Al Muwayh"), ("ميسان", "Maysan"),
        ("أضم", "Adham"), ("العرضيات", "Al Ardiyat"), ("بحرة", "Bahrah"), ("ثول", "Thuwal"),
    ),
    ("منطقة المدينة المنورة", "Madinah Region"): (
        ("المدينة المنورة", "Madinah", "المدينة", "Medina", "Al Madinah Al Munawwarah", "Al Madinah"),
        ("ينبع", "Yanbu", "ينبع البحر", "Yanbu Al Bahr", "ينبع الصناعية"), ("العلا", "AlUla", "Al Ula"),
        ("مهد الذهب", "Mahd adh Dhahab"), ("بدر", "Badr"), ("خيبر", "Khaybar"), ("الحناكية", "Al Hinakiyah"),
        ("العيص", "Al Ays"), ("وادي الفرع", "Wadi Al Fara"),
    ),
    ("القصيم", "Qassim"): (
        ("بريدة", "Buraydah", "Buraidah"), ("عنيزة", "Unaizah", "Unayzah"), ("الرس", "Ar Rass"),
        ("المذنب", "Al Mithnab"), ("البكيرية", "Al Bukayriyah"), ("البدائع", "Al Badai"),
        ("رياض الخبراء", "Riyadh Al Khabra"), ("الأسياح", "Al Asyah"), ("عيون الجواء", "Uyun Al Jiwa"),
        ("النبهانية", "An Nabhaniyah"), ("الشماسية", "Ash Shimasiyah"), ("عقلة الصقور", "Uqlat As Suqur"),
        ("ضرية", "Dariyah"), ("القصيم", "Qassim", "Al Qassim"),
    ),
    ("المنطقة الشرقية", "Eastern Province"): (
        ("الدمام", "Dammam", "Ad Dammam"), ("الخبر", "Khobar", "Al Khobar"), ("الظهران", "Dhahran", "Az Zahran"),
        ("الأحساء", "Al Ahsa", "Al Hasa", "الهفوف", "Hofuf", "Al Hufuf", "المبرز", "Al Mubarraz"),
        ("الجبيل", "Jubail", "Al Jubail", "الجبيل الصناعية"), ("القطيف", "Qatif", "Al Qatif"),
        ("حفر الباطن", "Hafar Al Batin", "Hafr Al Batin"), ("الخفجي", "Khafji", "Al Khafji"),
        ("رأس تنورة", "Ras Tanura"), ("بقيق", "Abqaiq", "Buqayq"), ("النعيرية", "An Nuayriyah"),
        ("قرية العليا", "Qaryat Al Ulya"), ("سيهات", "Saihat"), ("صفوى", "Safwa"), ("تاروت", "Tarout"),
        ("العديد", "Al Udayd"), ("القيصومة", "Al Qaysumah"),
    ),
    ("عسير", "Asir"): (
        ("أبها", "Abha"), ("خميس مشيط", "Khamis Mushait", "Khamis Mushayt"), ("بيشة", "Bisha"),
        ("محايل عسير", "Muhayil Asir", "محايل", "Muhayil"), ("النماص", "An Namas"),
        ("ظهران الجنوب", "Dhahran Al Janub"),
        ("تثليث", "Tathlith"), ("سراة عبيدة", "Sarat Abidah"), ("رجال ألمع", "Rijal Almaa"),
        ("أحد رفيدة", "Ahad Rafidah"),
        ("بلقرن", "Balqarn"), ("المجاردة", "Al Majaridah"), ("تنومة", "Tanomah"), ("البرك", "Al Birk"),
        ("طريب", "Tarib"),
    ),
    ("منطقة تبوك", "Tabuk Region"): (
        ("تبوك", "Tabuk"), ("الوجه", "Al Wajh"), ("ضباء", "Duba"), ("تيماء", "Tayma"), ("أملج", "Umluj"),
        ("حقل", "Haql"),
        ("البدع", "Al Bad"), ("نيوم", "NEOM"),
    ),
    ("منطقة حائل", "Hail Region"): (
        ("حائل", "Hail", "Ha'il"), ("بقعاء", "Baqaa"), ("الغزالة", "Al Ghazalah"), ("الشنان", "Ash Shinan"),
        ("الحائط", "Al Hait"), ("السليمي", "As Sulaymi"), ("سميراء", "Sumayra"), ("موقق", "Mawqaq"),
    ),
    ("الحدود الشمالية", "Northern Borders"): (
        ("عرعر", "Arar"), ("رفحاء", "Rafha"), ("طريف", "Turaif"), ("العويقيلة", "Al Uwayqilah"),
    ),
    ("منطقة جازان", "Jazan Region"): (
        ("جازان", "Jazan", "جيزان", "Jizan", "Gizan"), ("صبيا", "Sabya"), ("أبو عريش", "Abu Arish"),
        ("صامطة", "Samtah"),
        ("بيش", "Baysh"), ("الدرب", "Ad Darb"), ("الحرث", "Al Harth"), ("ضمد", "Damad"), ("الريث", "Ar Rayth"),
        ("فرسان", "Farasan"), ("الدائر", "Ad Dair"), ("العارضة", "Al Aridah"), ("أحد المسارحة", "Ahad Al Masarihah"),
        ("العيدابي", "Al Idabi"), ("فيفاء", "Fayfa"), ("الطوال", "At Tuwal"),
    ),
    ("منطقة نجران", "Najran Region"): (
        ("نجران", "Najran"), ("شرورة", "Sharurah"), ("حبونا", "Hubuna"), ("بدر الجنوب", "Badr Al Janub"),
        ("يدمة", "Yadamah"), ("ثار", "Thar"), ("خباش", "Khubash"),
    ),
    ("منطقة الباحة", "Al Bahah Region"): (
        ("الباحة", "Al Bahah", "Al Baha"), ("بلجرشي", "Baljurashi"), ("المندق", "Al Mandaq"),
        ("المخواة", "Al Makhwah"),
        ("قلوة", "Qilwah"), ("العقيق", "Al Aqiq"), ("القرى", "Al Qura"),
    ),
    ("الجوف", "Al Jouf"): (
        ("سكاكا", "Sakaka"), ("القريات", "Al Qurayyat"), ("دومة الجندل", "Dumat Al Jandal"), ("طبرجل", "Tabarjal"),
        ("الجوف", "Al Jouf", "Al Jawf"),
    ),
}  # fmt: skip

# What country fields say of Saudi Arabia; nothing at all counts as it, because stores leave it out at home.
HOME = {"", "sa", "sau", "ksa", "السعوديه", "المملكه العربيه السعوديه", "saudi arabia", "kingdom of saudi arabia"}
LETTERS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه", "ؤ": "و", "ئ": "ي", "ـ": "", "ء": ""}
)
ARTICLE = re.compile(r"^(?:al|ar|as|az|ad|ash|at|an|adh)\s+|^ال")
PREFIX = re.compile(r"^(?:مدينه|محافظه|city of)\s+(?!المنوره)")


@dataclass(frozen=True, eq=False)
class City:
    """Names by language. Each stands once in the table, so that it equals only itself."""

    names: dict[str, str]
    region: dict[str, str]


def plain(text: str) -> str:
    """One spelling of what people write in several: no vowel signs, no variants of letters, no signs, single spaces."""
    decomposed = unicodedata.normalize("NFKD", text.translate(LETTERS)).casefold()
    bare = "".join(mark for mark in decomposed if not unicodedata.combining(mark)).translate(LETTERS)
    return " ".join(re.sub(r"[^\w\s]|_", " ", re.sub(r"['’`ʿʾ]", "", bare)).split())


def _key(name: str) -> str:
    return ARTICLE.sub("", PREFIX.sub("", plain(name))).replace(" ", "")


def _table() -> dict[str, City]:
    table: dict[str, City] = {}
    for (region_ar, region_en), cities in REGIONS.items():
        for arabic, english, *others in cities:
            city = City({"ar": arabic, "en": english}, {"ar": region_ar, "en": region_en})
            for spelling in (arabic, english, *others):
                table.setdefault(_key(spelling), city)
                table.setdefault(plain(spelling).replace(" ", ""), city)  # "Alkhobar"
    return table


_CITIES = _table()


def find(city: str, country: str = "") -> City | None:
    """The city that is meant; None when it is unknown or abroad."""
    return _CITIES.get(_key(city)) if plain(country) in HOME else None
