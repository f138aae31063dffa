"""Encrypted fields: what stands in the database, rotation, and what is refused."""

from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection

from core import clock, fields
from core.models import Merchant
from integrations.models import Connection, Delivery

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def stored(column: str) -> bytes | None:
    """What PostgreSQL holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(c) ->> %s FROM integrations_connection c", [column])
        value = cursor.fetchone()[0]
    return None if value is None else bytes.fromhex(value.removeprefix("\\x"))


class TestEncryptedField:
    @pytest.fixture(autouse=True)
    def _keys(self, settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [OLD]

    @pytest.fixture
    def row(self, db: None) -> Connection:
        merchant = Merchant.objects.create(salla_id=1)
        return Connection.unscoped.create(merchant=merchant, access_token="رمز سرّي", refresh_token=None)

    def test_the_database_holds_no_plain_text(self, row: Connection) -> None:
        token = stored("access_token")
        assert token is not None
        assert token.startswith(b"gAAAA")
        assert "رمز".encode() not in token
        assert Fernet(OLD).decrypt(token).decode() == "رمز سرّي"

    def test_it_reads_back(self, row: Connection) -> None:
        row.refresh_from_db()
        assert (row.access_token, row.refresh_token) == ("رمز سرّي", None)

    def test_nothing_is_stored_as_nothing(self, row: Connection) -> None:
        assert stored("refresh_token") is None
        assert Connection.unscoped.filter(refresh_token__isnull=True).count() == 1
        assert Connection.unscoped.filter(access_token__isnull=True).count() == 0

    def test_empty_text_is_not_nothing(self, row: Connection) -> None:
        Connection.unscoped.update(access_token="")
        row.refresh_from_db()
        assert row.access_token == ""
        assert stored("access_token") != b""

    def test_each_write_looks_different(self, row: Connection) -> None:
        before = stored("access_token")
        row.save()
        assert stored("access_token") != before

    def test_a_wrong_key_raises(self, row: Connection, settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [OTHER]
        with pytest.raises(fields.DecryptionError, match="no key in FIELD_ENCRYPTION_KEYS opens this value"):
            Connection.unscoped.get(pk=row.pk)

    def test_changed_ciphertext_raises(self, row: Connection) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE integrations_connection SET access_token = 'plain text'::bytea")
        with pytest.raises(fields.DecryptionError):
            row.refresh_from_db()

    def test_two_keys_read_and_the_first_writes(self, row: Connection, settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
        row.refresh_from_db()
        assert row.access_token == "رمز سرّي"
        row.save()
        token = stored("access_token")
        assert token is not None
        assert Fernet(NEW).decrypt(token).decode() == "رمز سرّي"
        with pytest.raises(InvalidToken):
            Fernet(OLD).decrypt(token)

    def test_rotation_needs_no_plain_text(self, settings: Any) -> None:
        token = fields.encrypt(b"secret")
        settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
        rotated = fields.rotate(token)
        settings.FIELD_ENCRYPTION_KEYS = [NEW]
        assert fields.decrypt(rotated) == b"secret"
        with pytest.raises(fields.DecryptionError):
            fields.decrypt(token)
        with pytest.raises(fields.DecryptionError):
            fields.rotate(token)

    @pytest.mark.parametrize(
        "lookup", ["access_token", "access_token__contains", "access_token__in", "access_token__gt"]
    )
    def test_it_cannot_be_searched(self, lookup: str, row: Connection) -> None:
        value: Any = ["x"] if lookup.endswith("__in") else "x"
        with pytest.raises(FieldError, match="access_token is encrypted: it can only be looked up by isnull"):
            Connection.unscoped.filter(**{lookup: value}).exists()

    @pytest.mark.parametrize("keys", [["half-a-key"], [], [OLD, ""]])
    def test_a_broken_key_is_named(self, keys: list[str], settings: Any) -> None:
        settings.FIELD_ENCRYPTION_KEYS = keys
        with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS"):
            fields.encrypt(b"x")

    def test_bytes_stay_bytes(self, db: None) -> None:
        raw = b"\x00\xff not text"
        delivery = Delivery.objects.create(body=raw, body_sha256=b"1" * 32, size=1, received_at=clock.now())
        delivery.refresh_from_db()
        assert delivery.body == raw
