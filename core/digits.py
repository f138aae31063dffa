"""Arabic-Indic and Persian numbers as ASCII; for numbers, dates, phones and codes, never for prose."""

import re

# Marks that phones and chat apps put around a copied number; nobody sees or types them.
_INVISIBLE = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ASCII = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫", "01234567890123456789.", _INVISIBLE)
# A separator that stands before no full group stays: a slip is refused, not read as ten times more.
_GROUPING = re.compile(r"(?<=[0-9])٬(?=[0-9]{3}(?![0-9]))")


def ascii_digits(text: str) -> str:
    """`١٬٢٣٤٫٥٠` and `۱٬۲۳۴٫۵۰` become `1234.50`; letters stay, invisible direction marks go."""
    return _GROUPING.sub("", text.translate(_ASCII))
