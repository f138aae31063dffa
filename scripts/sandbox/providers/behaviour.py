"""What happens to a message, chosen by the recipient's last two digits."""

from dataclasses import dataclass

ACCEPTED_DELIVERED = ((0.3, "sent"), (1.0, "delivered"))
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_DOUBLE = set("^{}\\[]~|€\f")


@dataclass(frozen=True)
class Behaviour:
    """`answer` at once, then `reports` as (seconds, state)."""

    answer: str = "accept"
    reports: tuple[tuple[float, str], ...] = ACCEPTED_DELIVERED


BY_DIGITS = {
    "01": Behaviour(reports=()),
    "02": Behaviour(reports=((0.3, "sent"), (1.0, "failed"))),
    "03": Behaviour("bad_recipient", ()),
    "04": Behaviour("opted_out", ()),
    "05": Behaviour("rate"),
    "06": Behaviour("flaky"),
    "07": Behaviour("drop"),
    "08": Behaviour(reports=((0.2, "delivered"), (0.3, "delivered"), (0.6, "sent"), (0.7, "sent"))),
    "09": Behaviour("policy", ()),
    "10": Behaviour("balance", ()),
}
RATE_TIMES, FLAKY_TIMES = 2, 1


def behaviour_of(to: str, attempt: int) -> Behaviour:
    """The behaviour for this attempt: the passing troubles pass."""
    found = BY_DIGITS.get(to[-2:], Behaviour())
    recovered = (found.answer == "rate" and attempt > RATE_TIMES) or (found.answer == "flaky" and attempt > FLAKY_TIMES)
    return Behaviour() if recovered else found


def segments(text: str) -> int:
    """How many SMS a text costs."""
    if all(letter in GSM or letter in GSM_DOUBLE for letter in text):
        size = sum(2 if letter in GSM_DOUBLE else 1 for letter in text)
        return 1 if size <= 160 else -(-size // 153)
    size = len(text.encode("utf-16-le")) // 2
    return 1 if size <= 70 else -(-size // 67)


def e164(number: str) -> str:
    """`+9665…` from the forms in which providers want numbers."""
    digits = "".join(letter for letter in number if letter.isdigit()).removeprefix("00")
    return f"+{digits}"
