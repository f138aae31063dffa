"""docs/UX-flow.md tells the truth: every address in it answers the person that it is about."""

import re
from pathlib import Path
from uuid import uuid4

from django.conf import settings
from django.test import Client
from django.urls import Resolver404, resolve

from core.models import Membership, Merchant, User

TEXT = (Path(settings.BASE_DIR) / "docs" / "UX-flow.md").read_text()
ADDRESSES = sorted(set(re.findall(r"`(/[\w/<>-]*)`", TEXT)))


def is_there(address: str) -> bool:
    path = address.replace("<store>", str(uuid4()))
    urlconf = settings.FRAME_URLCONF if path.startswith("/embedded/") else settings.ROOT_URLCONF
    try:
        resolve(path, urlconf)
    except Resolver404:
        return False
    return True


def test_every_address_is_there() -> None:
    assert len(ADDRESSES) >= 9
    assert [address for address in ADDRESSES if not is_there(address)] == []


def test_one_that_is_not_is_seen() -> None:
    assert not is_there("/stores/<store>/coupons-of-my-dreams/")


def test_the_pages_of_a_store_open_for_its_owner(client: Client, merchant: Merchant) -> None:
    owner = User.objects.create_user("owner@example.com")
    Membership.objects.create(merchant=merchant, user=owner, role=Membership.Role.OWNER)
    client.force_login(owner)
    pages = [address.replace("<store>", str(merchant.public_id)) for address in ADDRESSES if "<store>" in address]
    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)


def test_the_files_that_it_names_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", TEXT)
    assert named
    assert [name for name in named if not (Path(settings.BASE_DIR) / name).exists()] == []
