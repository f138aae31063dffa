"""Products that nobody wants to be seen buying: words of intimate and medical goods in names and categories."""

import re
from collections.abc import Iterable
from functools import lru_cache

from visitors.cards.latest_purchase.places import plain

INTIMATE = """
    ملابس داخلية, داخلي نسائي, داخلي رجالي, لانجري, لانجيري, حمالة صدر, حمالات صدر, سنتيان, كلسون, بوكسر,
    كلوت, كولوت, سروال داخلي, سراويل داخلية, مشد, ملابس نوم, قميص نوم, قمصان نوم, بيبي دول, واقي ذكري, واقيات ذكرية,
    كوندوم, مزلق, جنسي, جنسية, الحياة الزوجية, زوجية حميمة, حميمي, حميمية, منشط, انتصاب, فياجرا, سيالس, هزاز,
    لعبة بالغين, الألعاب بالغين, مسك طهارة, مسك الطهارة, طهارة, غسول نسائي,
    غسول مهبلي, مهبلي, فوط صحية, فوطة صحية, فوط نسائية, أولويز, تامبون, الدورة الشهرية, إزالة شعر المناطق الحساسة,
    المناطق الحساسة, منطقة حساسة, lingerie, underwear, bra, bralette, panties, panty, thong, g-string, boxer briefs,
    boxers, nightgown, babydoll, corset, condom, durex, lubricant, lube, sexual, sex, erotic, intimate, vibrator, dildo,
    aphrodisiac, erection, feminine wash, vaginal, sanitary pad, tampon, menstrual, period pants, tahara musk
"""
MEDICAL = """
    دواء, أدوية, علاج, علاجي, طبي, طبية, صيدلية, حبوب منع, حبوب تنحيف, حبوب تخسيس, مرهم, لصقات طبية,
    فحص حمل, اختبار حمل, اختبار الحمل, كاشف حمل, منع الحمل, خصوبة, تبويض, بواسير, إمساك, سلس البول, حفاضات كبار,
    حفاض كبار, مرض السكري, مرضى السكري, ضغط الدم, قياس السكر, أنسولين, صدفية, أكزيما, فطريات, ثعلبة, تساقط الشعر,
    اكتئاب, مهدئ, إدمان, تخسيس, تنحيف, حارق دهون, مكمل غذائي, مكملات غذائية, medicine, medication, medical, drug,
    pharmacy, pill, ointment, pregnancy test, ovulation, contraceptive, fertility, hemorrhoid,
    laxative, incontinence, adult diaper, diabetes, diabetic, insulin, glucose meter,
    blood pressure, psoriasis, eczema, antifungal, hair loss, antidepressant, slimming, weight loss, fat burner,
    supplement, viagra, cialis
"""
WORDS = tuple(word.strip() for word in f"{INTIMATE},{MEDICAL}".split(","))
# What Arabic writes together with the word after it.
JOINED = "(?:[وفبلك]?(?:ال)?|لل)"
# Plurals that only add to the word.
ENDING = "(?:ات|ين|s)?"


def names_any(texts: Iterable[str], words: Iterable[str]) -> bool:
    """Whether one of `words`, whole, stands in one of `texts`, however it is spelt, with «ال» or an ENDING."""
    pattern = _pattern(tuple(words))
    return pattern is not None and any(pattern.search(plain(text)) for text in texts)


def is_sensitive(texts: Iterable[str]) -> bool:
    return names_any(texts, WORDS)


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    known = [plain(word).split() for word in words]
    phrases = [r"\s+".join(JOINED + re.escape(_bare(part)) + ENDING for part in parts) for parts in known if parts]
    return re.compile(rf"(?<!\w)(?:{'|'.join(phrases)})(?!\w)") if phrases else None


def _bare(word: str) -> str:
    """Without its article, if enough is left."""
    return word[2:] if word.startswith("ال") and len(word) > 4 else word
