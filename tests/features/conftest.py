"""What the tests of the switchboard share: a card, its owner, and what both are asked."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from core import memory
from core.models import Membership, Merchant, User
from features import services
from features.registry import Card
from tests import cards
from tests.cards import Settings, a_card, registered

ROLES = Membership.Role
STORE = 1305146709


@pytest.fixture
def card() -> Iterator[Card[Settings]]:
    with registered(a_card()) as one:
        yield one


def person(merchant: Merchant, role: ROLES = ROLES.OWNER) -> User:
    user = User.objects.create_user(f"{role}-{merchant.salla_id}@example.com", name="سارة")
    Membership.objects.create(user=user, merchant=merchant, role=role)
    return user


@pytest.fixture
def owner(merchant: Merchant) -> User:
    return person(merchant)


@pytest.fixture
def page(owner: User) -> Client:
    """The owner's browser, in English."""
    client = Client(headers={"accept-language": "en"})
    client.force_login(owner)
    return client


def address(merchant: Merchant, end: str = "test_card/") -> str:
    return f"/stores/{merchant.public_id}/cards/{end}"


def text_of(response: Any) -> str:
    return str(response.content.decode())


def told(client: Client, store: int = STORE) -> dict[str, Any]:
    """What a browser that has nothing gets, in a process that remembers nothing."""
    memory.forget()
    response = client.get(f"/sf/{store}/config.json")
    assert response.status_code == 200
    return dict(json.loads(response.content))


def posted(merchant: Merchant, **changes: str) -> dict[str, Any]:
    """What a browser sends from the form as it stands, with some fields typed over."""
    form = Settings.form(initial=services.settings_of(merchant, a_card()))
    return cards.posted(form) | changes
