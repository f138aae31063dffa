"""Key rotation: every encrypted value moves to the first key, and then the old key can go."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from core import clock
from core.fields import DecryptionError
from integrations.models import Connection, Delivery
from tests.conftest import store

pytestmark = pytest.mark.django_db

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
ROWS = 500


@pytest.fixture
def under_the_old_key(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    store(1305146709)
    Delivery.objects.bulk_create(
        Delivery(
            body_sha256=bytes([n // 256, n % 256]) * 16, body=f"body {n}".encode(), size=8, received_at=clock.now()
        )
        for n in range(ROWS)
    )
    Delivery.objects.create(body_sha256=b"f" * 32, body=None, size=8, received_at=clock.now())


def test_after_rotation_the_old_key_can_go(settings: Any, under_the_old_key: None) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW, OLD]
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    assert f"integrations.Delivery.body: {ROWS}" in said.getvalue()
    assert "integrations.Connection.access_token: 1" in said.getvalue()

    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    assert {bytes(row.body) for row in Delivery.objects.filter(body__isnull=False)} == {
        f"body {n}".encode() for n in range(ROWS)
    }
    assert Connection.unscoped.get().access_token == "at"

    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    with pytest.raises(DecryptionError):
        Connection.unscoped.get()


def test_a_value_that_no_key_opens_is_named_and_nothing_is_lost(settings: Any, under_the_old_key: None) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [NEW]
    with pytest.raises(CommandError, match=r"integrations\.Connection\.access_token of row \d+"):
        call_command("rotate_keys", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [OLD]
    assert Connection.unscoped.get().access_token == "at"
    assert Delivery.objects.filter(body__isnull=False).count() == ROWS
