"""One store with canaries through install, reading, order, pages and admin: where each of them may be found after."""

import io
import json
import logging
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.urls import reverse

from core import clock, logs, redis, salla_client
from core import work as core_work
from core.models import Membership, Merchant, User
from integrations import readers, services, translate
from integrations.clients import salla_for
from integrations.models import Connection, Delivery, Sync
from integrations.tasks import sync_stores
from notifications.tasks import send_alerts
from tests.conftest import SECRET, work
from tests.contacts import answer, ask
from tests.mail_servers import raising
from tests.outbox import again, send
from tests.outside import CLIENT, Outside

pytestmark = pytest.mark.django_db(transaction=True)

OUD = 1305146709
NAME, MOBILE, EMAIL = "كناري الواحات", "500391827", "kanari.shopper@example.com"
# The only columns that hold persons in clear: whom Salla names, and who signs in. Everything else names them by number.
SHOPPERS = {
    *(("integrations_customer", column) for column in ("name", "email", "phone")),
    *(("visitors_contact", column) for column in ("value", "name")),
    ("visitors_optin", "name"),
}
TEAM = {("core_user", column) for column in ("name", "email")}
# The only pages of ours that show a shopper: the staff's, of the mirror and of what Salla sent (secrets masked).
SHOWN_TO_STAFF = {"integrations_customer", "integrations_order", "integrations_cart", "integrations_delivery"}

Deliver = Callable[..., Any]


@dataclass
class World:
    """What there is to look for, and where."""

    outside: Outside
    merchant: Merchant
    deliver: Deliver
    log: io.StringIO
    secrets: set[str]
    owner: User | None = None
    html: dict[str, str] = field(default_factory=dict)

    def hear(self, *events: str) -> None:
        """The newest webhook of each of these."""
        for event in events:
            self.deliver(self.outside.bodies(event)[-1])
        work()

    def keep_tokens(self) -> None:
        held = Connection.unscoped.get(merchant=self.merchant)
        self.secrets |= {held.access_token or "", held.refresh_token or ""} - {""}


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    sandbox = Outside()
    sandbox.act("plan", store=OUD, plan="special")
    yield sandbox
    sandbox.stop()


@pytest.fixture
def log(settings: Any) -> Iterator[io.StringIO]:
    """What the one handler would have written, of everybody."""
    settings.DEBUG = settings.SANDBOX = False
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.formatter())
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
    logs.begin()


@pytest.fixture
def world(
    outside: Outside, deliver: Deliver, log: io.StringIO, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> World:
    settings.SALLA_ACCOUNTS_URL = settings.SALLA_API_URL = outside.url
    settings.SALLA_CLIENT_ID, settings.SALLA_CLIENT_SECRET = CLIENT["SALLA_CLIENT_ID"], CLIENT["SALLA_CLIENT_SECRET"]
    settings.METRICS_TOKEN = "kanari-metrics-token"
    monkeypatch.setattr(salla_client, "READ_PAUSES_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(salla_client, "LEAK_PER_SECOND", 10_000.0)
    standing = SimpleNamespace(monotonic=lambda: 0.0)
    monkeypatch.setattr(core_work, "time", standing)
    monkeypatch.setattr(readers, "time", standing)
    monkeypatch.setattr(core_work, "LEASE", timedelta(days=1))
    outside.hurry(10_000)
    outside.act("install", store=OUD)
    authorized = outside.bodies("app.store.authorize")[-1]
    tokens = json.loads(authorized)["data"]
    deliver(authorized)
    work()
    secrets = {SECRET, settings.METRICS_TOKEN, tokens["access_token"], tokens["refresh_token"]}
    return World(outside, Merchant.objects.get(salla_id=OUD), deliver, log, secrets)


def read_all() -> None:
    while Sync.unscoped.filter(state=Sync.State.WAITING).exists():
        Sync.unscoped.filter(state=Sync.State.WAITING).update(due_at=clock.now())
        sync_stores()


def live(world: World) -> None:
    """A reading, a shopper, her order, a refreshed token, a lost webhook, and failures that quote everything."""
    merchant, outside = world.merchant, world.outside
    merchant.syncs.filter(purpose="first").update(since=clock.now() - timedelta(hours=1))
    made = outside.act("customer", store=OUD, name=NAME, mobile=MOBILE, email=EMAIL)
    world.hear("customer.created")
    read_all()
    outside.act("order", store=OUD, customer=made["customer"])
    world.hear("order.created")
    outside.act("expire_token", store=OUD)
    salla_for(merchant).store_info()
    world.keep_tokens()
    dear = merchant.products.exclude(price=None).filter(status="sale").latest("price").salla_id
    lost = outside.act("order", store=OUD, customer=made["customer"], product=dear, coupon="EID25")
    services.check(merchant, window=timedelta(days=1))
    read_all()
    assert merchant.orders.get(salla_id=lost["order"]).coupon_codes == ["EID25"]
    subscribe(world)
    fail_loudly(world)
    Connection.unscoped.filter(merchant=merchant).update(state=Connection.State.NEEDS_REINSTALL)
    merchant.alerts.create(kind="disconnected", key="x")
    send_alerts()


def subscribe(world: World) -> None:
    """By e-mail, which is asked and says yes; by phone, which cannot be asked; and a server that quotes the address."""
    merchant = world.merchant
    ask(merchant, EMAIL, name=NAME)
    ask(merchant, f"0{MOBILE}", kind="phone", name=NAME)
    refusal = smtplib.SMTPRecipientsRefused({EMAIL: (451, f"4.7.1 <{EMAIL}> later".encode())})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", raising(refusal))
        send()
    again()
    assert sorted(merchant.messages.values_list("state", "reason")) == [("accepted", ""), ("skipped", "no_provider")]
    assert answer(merchant.opt_ins.get(contact__value=EMAIL)) is not None


def fail_loudly(world: World) -> None:
    quoted = f"{EMAIL} +966{MOBILE} {' '.join(sorted(world.secrets))}"

    def fails(*_: object, **__: object) -> None:
        raise ValueError(quoted)

    world.outside.act("order", store=OUD)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translate, "translate", fails)
        world.hear("order.created")
    assert Delivery.objects.filter(reason__startswith="ValueError").count() == 1


def walk(world: World, staff: User) -> None:
    """Every page of the store as its owner sees it, every list and row as staff do, and what machines ask."""
    owner = world.merchant.memberships.filter(role=Membership.Role.OWNER).select_related("user").first()
    assert owner is not None
    world.owner = owner.user
    merchant = Client()
    merchant.force_login(owner.user)
    for end in ("", "cards/", "team/", "activity/", "e-mails/"):
        world.html[f"store {end}"] = merchant.get(f"/stores/{world.merchant.public_id}/{end}").content.decode()
    for path in ("/healthz", "/readyz", f"/sf/{OUD}/config.json", "/", "/sign-in/"):
        world.html[path] = Client().get(path).content.decode()
    bearer = {"Authorization": "Bearer kanari-metrics-token"}
    world.html["/metrics"] = Client().get("/metrics", headers=bearer).content.decode()
    of_staff = Client()
    of_staff.force_login(staff)
    for model in admin.site._registry:
        table = model._meta.db_table
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        world.html[f"list {table}"] = of_staff.get(reverse(f"{name}_changelist")).content.decode()
        newest = [row.pk for row in model._base_manager.order_by("-pk")[:5]]
        person = list(world.merchant.customers.filter(email=EMAIL).values_list("pk", flat=True))
        for pk in newest + (person if table == "integrations_customer" else []):
            html = of_staff.get(reverse(f"{name}_change", args=[pk])).content.decode()
            world.html[f"row {table} {pk}"] = html


def columns_with(text: str) -> set[tuple[str, str]]:
    """In the text of a dump, also where bytes stand as hexadecimal digits."""
    wanted = [f"%{text}%", f"%{text.encode().hex()}%"]
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            dump = io.StringIO()
            rows = f'SELECT * FROM "{table}"'  # noqa: S608 - of a partitioned table too, which itself has none
            cursor.copy_expert(f"COPY ({rows}) TO STDOUT WITH (FORMAT csv, HEADER)", dump)
            if text not in dump.getvalue() and text.encode().hex() not in dump.getvalue():
                continue
            for column in connection.introspection.get_table_description(cursor, table):
                condition = f'"{column.name}"::text LIKE ANY(%s)'
                cursor.execute(f'SELECT count(*) FROM "{table}" WHERE {condition}', [wanted])  # noqa: S608
                if cursor.fetchone()[0]:
                    found.add((table, column.name))
    return found


def redis_dump(prefix: str) -> str:
    client = redis.client()
    readers_of = {
        b"string": client.get, b"hash": client.hgetall, b"set": client.smembers,
        b"list": lambda key: client.lrange(key, 0, -1), b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": client.xrange,
    }  # fmt: skip
    keys = list(client.scan_iter(f"{prefix}*"))
    kind = lambda key: client.type(key) if isinstance(client.type(key), bytes) else client.type(key).encode()  # noqa: E731
    assert keys
    return "\n".join(f"{key} {readers_of[kind(key)](key)}" for key in keys)


def test_no_secret_and_no_person_is_where_it_should_not_be(world: World, staff: User, settings: Any) -> None:
    live(world)
    walk(world, staff)
    assert len(world.secrets) == 6  # two pairs
    persons = {NAME, MOBILE, EMAIL}

    # The dump of the database: tokens never in clear, persons where they are meant to be
    for secret in world.secrets:
        assert columns_with(secret) == set()
    assert {place for person in persons for place in columns_with(person)} == SHOPPERS
    assert world.owner is not None
    assert columns_with(world.owner.email) == {("core_user", "email")}

    # Redis, the logs and the pages
    kept, log = redis_dump(settings.REDIS_PREFIX), world.log.getvalue()
    assert len(world.html) >= 60
    for secret in world.secrets:
        assert secret not in kept
        assert secret not in log
        assert [page for page, html in world.html.items() if secret in html] == []
    for person in {*persons, world.owner.email}:
        assert person not in kept
        assert person not in log
    pages = {page for page, html in world.html.items() if any(person in html for person in persons)}
    assert {page.split()[1] for page in pages if not page.startswith("store")} <= SHOWN_TO_STAFF
    assert [page for page in pages if page.startswith("store")] == []

    # It was all there to be found
    assert f"row integrations_customer {world.merchant.customers.get(email=EMAIL).pk}" in pages
    lines = [json.loads(line) for line in log.splitlines()]
    [failure] = [line for line in lines if line["logger"] == "core.work"]
    assert (failure["work"], failure["merchant"]) == ("integrations.delivery", world.merchant.pk)
    assert failure["exception"].count("ValueError: … … …") == 1
