"""The kinds of field that Salla's shapes are made of: what cannot be read counts as not stated."""

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict

from core.salla_values import amount_of, currency_of, id_of, integer_of, text_of, time_of, truth_of

MOST_COUNTED = 1_000_000


def one_object(value: Any) -> Any:
    """An object; None for PHP's empty list and for anything else."""
    return value if isinstance(value, dict) else None


def only_objects(value: Any) -> list[Any]:
    """The objects of a list; what else stands in it is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def only_texts(value: Any) -> list[str]:
    """The texts of a list that are not empty."""
    return [word for word in map(text_of, value) if word] if isinstance(value, list) else []


def as_slug(value: Any) -> str | None:
    """A machine word that fits `events.facts.Slug`: foreign characters become dashes."""
    word = text_of(value, length=64)
    return "".join(c if c.isascii() and (c.isalnum() or c in "_.-") else "-" for c in word) if word else None


def as_stars(value: Any) -> int | None:
    """A rating from 0 to 5; one beyond them counts as the nearest."""
    number = integer_of(value)
    return None if number is None else min(max(number, 0), 5)


def as_count(value: Any) -> int | None:
    """How many of something, up to a million."""
    number = integer_of(value)
    return None if number is None or not 0 <= number <= MOST_COUNTED else number


def text(length: int) -> BeforeValidator:
    """Printable text, cut to `length` characters."""
    return BeforeValidator(partial(text_of, length=length))


Moment = Annotated[datetime | None, BeforeValidator(time_of)]
Amount = Annotated[Decimal | None, BeforeValidator(amount_of)]
Currency = Annotated[str | None, BeforeValidator(lambda value: currency_of({"currency": value}))]
OptionalId = Annotated[int | None, BeforeValidator(id_of)]
Count = Annotated[int | None, BeforeValidator(as_count)]
Whole = Annotated[int | None, BeforeValidator(integer_of)]
Truth = Annotated[bool | None, BeforeValidator(truth_of)]
Slug = Annotated[str | None, BeforeValidator(as_slug)]
Name = Annotated[str | None, text(200)]
Place = Annotated[str | None, text(100)]
Url = Annotated[str | None, text(500)]
CouponCode = Annotated[str | None, text(64)]
Stars = Annotated[int | None, BeforeValidator(as_stars)]


class Payload(BaseModel):
    """Unknown keys are ignored: Salla adds fields without a new version."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """Raises `pydantic.ValidationError` only when the id is missing."""
        return cls.model_validate(data)


def known(values: dict[str, Any]) -> dict[str, Any]:
    """Only what is stated: the columns whose value is not None."""
    return {column: value for column, value in values.items() if value is not None}
