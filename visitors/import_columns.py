"""What the columns of a file of people hold: guessed by their names in either language, else by what stands in them."""

import re
import unicodedata
from collections.abc import Sequence

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.contact_values import email_of, phone_of


class Role(TextChoices):
    IGNORE = "", pgettext_lazy("column", "Leave out")
    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    NAME = "name", _("Name")
    WHERE = "where", _("Where they agreed")
    WHEN = "when", _("When they agreed")
    WORDS = "words", _("In which words they agreed")


NAMES: dict[Role, str] = {
    Role.EMAIL: """
        email, e-mail, mail, e mail, email address, e-mail address, customer email, البريد, البريد الإلكتروني, ايميل,
        الايميل, إيميل, بريد, البريد الالكتروني, عنوان البريد
    """,
    Role.PHONE: """
        phone, mobile, mobile number, phone number, tel, telephone, cell, whatsapp, whatsapp number, customer mobile,
        sms, رقم الجوال, الجوال, جوال, الهاتف, رقم الهاتف, هاتف, الموبايل, موبايل, رقم الموبايل, واتساب, رقم الواتساب
    """,
    Role.NAME: """
        name, full name, first name, customer, customer name, client, الاسم, اسم العميل, الاسم الكامل, الاسم الأول,
        اسم, العميل, اسم المشترك
    """,
    Role.WHERE: """
        source, consent source, where they agreed, opt-in source, signup source, المصدر, مصدر الموافقة, مكان الموافقة,
        مصدر الاشتراك
    """,
    Role.WHEN: """
        consent date, when they agreed, opt-in date, opt in time, subscribed at, signup date, subscription date,
        تاريخ الموافقة, تاريخ الاشتراك, وقت الموافقة, وقت الاشتراك
    """,
    Role.WORDS: """
        consent text, in which words they agreed, consent, opt-in text, نص الموافقة, الموافقة, صيغة الموافقة
    """,
}
SAMPLE = 50  # rows that are looked at
NOBODY = _("There is nobody in this file: every row below the names of the columns is empty.")


def plain(text: str) -> str:
    """A name without case, marks, and the letters that people write in several ways."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    bare = bare.lower().replace("ى", "ي").replace("ة", "ه").replace("ـ", "")
    return " ".join(re.sub(r"[^\w]+", " ", bare.replace("_", " ")).split())


_KNOWN = {plain(name): role for role, names in NAMES.items() for name in names.split(",")}


def has_names(first: Sequence[str]) -> bool:
    """Whether the first row names the columns: a row of a person has an address or a number."""
    return not any(email_of(cell) or (phone_of(cell) and len(cell) >= 9) for cell in first)


def guessed(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Role]:
    """One role for each column; no role twice."""
    width = max([len(names), *(len(row) for row in rows)])
    roles = [
        _KNOWN.get(plain(names[place]), Role.IGNORE) if place < len(names) else Role.IGNORE for place in range(width)
    ]
    for role, reads in ((Role.EMAIL, email_of), (Role.PHONE, phone_of)):
        if role in roles:
            continue
        for place in range(width):
            cells = [row[place] for row in rows[:SAMPLE] if place < len(row) and row[place]]
            if roles[place] == Role.IGNORE and cells and sum(bool(reads(cell)) for cell in cells) * 2 > len(cells):
                roles[place] = role
                break
    return [role if role not in roles[:place] else Role.IGNORE for place, role in enumerate(roles)]
