"""Encrypted model fields: Fernet with keys of their own, and an error, never a guess, when no key fits."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.lookups import Lookup


class DecryptionError(Exception):
    """A stored value that none of the configured keys opens."""


@lru_cache(maxsize=8)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(f"FIELD_ENCRYPTION_KEYS: {error}") from error


def _current_box() -> MultiFernet:
    return _box(tuple(settings.FIELD_ENCRYPTION_KEYS))


def encrypt(value: bytes) -> bytes:
    """Encrypt with the first key of `FIELD_ENCRYPTION_KEYS`."""
    return _current_box().encrypt(value)


def decrypt(token: bytes) -> bytes:
    """Decrypt with whichever key fits; raises `DecryptionError` when none does."""
    try:
        return _current_box().decrypt(token)
    except InvalidToken as error:
        raise DecryptionError("no key in FIELD_ENCRYPTION_KEYS opens this value") from error


def rotate(token: bytes) -> bytes:
    """The same value under the first key; raises `DecryptionError` when no key opens it."""
    try:
        return _current_box().rotate(token)
    except InvalidToken as error:
        raise DecryptionError("no key in FIELD_ENCRYPTION_KEYS opens this value") from error


class EncryptedBytesField(models.BinaryField):
    """Bytes that stand encrypted in the database. Cannot be searched."""

    if TYPE_CHECKING:  # how the stubs learn what such an attribute holds
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return None if value is None else encrypt(self.to_bytes(value))

    def from_db_value(self, value: Any, expression: Expression, connection: BaseDatabaseWrapper) -> Any:
        return None if value is None else self.from_bytes(decrypt(bytes(value)))

    def get_lookup(self, lookup_name: str) -> type[Lookup] | None:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is encrypted: it can only be looked up by isnull")
        return super().get_lookup(lookup_name)

    def to_bytes(self, value: Any) -> bytes:
        return bytes(value)

    def from_bytes(self, value: bytes) -> Any:
        return value


class EncryptedTextField(EncryptedBytesField):
    """Text that stands encrypted in the database. Cannot be searched."""

    if TYPE_CHECKING:
        _pyi_private_set_type: str
        _pyi_private_get_type: str

    def to_bytes(self, value: Any) -> bytes:
        return str(value).encode()

    def from_bytes(self, value: bytes) -> Any:
        return value.decode()

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))

    def to_python(self, value: Any) -> Any:
        return value
