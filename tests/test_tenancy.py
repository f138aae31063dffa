"""Nobody reaches another store: every address × every method × every kind of caller, against one table.

A route without a row in the table fails the suite; so does a row without a route.
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, include, path

from core import activity, clock, services
from core.models import Activity, Membership, Merchant, User
from events import facts
from events.models import BadBatch, Reaction, Tick
from events.services import record
from features import services as switchboard
from features.models import Feature, Revision
from integrations.models import Connection, Delivery, Order, Standing
from nomo_flow import urls
from tests.cards import a_card, registered
from tests.conftest import store
from visitors import suppressions
from visitors.models import Segment, Suppression, Visit, Visitor

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
OUTSIDERS = ("nobody", "stranger", "member")
ROLES = (*OUTSIDERS, "staff", "superuser")
CANARY = "canary-of-store-a"
CANARY_PHONE = "+966500000417"
CANARY_EMAIL = "canary@store-a.example"
TOKENS = ("canary-access-token", "canary-refresh-token")
CANARIES = (CANARY, CANARY_PHONE, CANARY_EMAIL, *TOKENS)


# What each caller gets


def every(status: int, **others: int) -> dict[str, int]:
    """The same answer to each method, but for `others`."""
    return {**dict.fromkeys(METHODS, status), **others}


@dataclass(frozen=True)
class Entry:
    """The statuses by method for people who are not staff, for staff without permissions, and for a superuser.

    `others` are outsiders who get something of their own.
    """

    outsiders: dict[str, int]
    staff: dict[str, int]
    superuser: dict[str, int]
    others: dict[str, dict[str, int]] = field(default_factory=dict)

    def of(self, role: str) -> dict[str, int]:
        if role in self.others:
            return self.others[role]
        return self.outsiders if role in OUTSIDERS else getattr(self, role)


def same(status: int, **others: int) -> Entry:
    return Entry(*[every(status, **others)] * 3)


SANDBOX_ONLY = same(405, POST=404)  # outside sandbox mode
LOGIN = every(302)  # to the sign-in page, whatever stands behind it
FORM = every(200, PATCH=405, DELETE=405)
READ = every(405, GET=200, HEAD=200)
# A page of a store: sign in first; whoever is not of it finds nothing, staff included.
STORE = Entry(every(404), every(404), every(404), {"nobody": LOGIN})
TABLE = {
    "overview": Entry(READ, READ, READ, {"member": every(405, GET=302, HEAD=302)}),  # to his own store
    "core:sign-in": same(405, GET=200, HEAD=200, POST=422),
    "core:sign-in-link": same(405, GET=410, HEAD=410, POST=410),
    "core:sign-out": same(405, POST=302),
    "core:stores": Entry(READ, READ, READ, {"nobody": LOGIN}),
    "core:team": STORE,
    "core:member-*": STORE,
    "core:activity": STORE,
    "core:window": STORE,
    "store-overview": STORE,
    "integrations:readings": STORE,
    "integrations:check": STORE,
    "notifications:choices": STORE,
    "notifications:unsubscribe": same(405, GET=404, HEAD=404, POST=404),
    "visitors:overview": STORE,
    "visitors:visits": STORE,
    "visitors:visit": STORE,
    "visitors:now": STORE,
    "visitors:profile": STORE,
    "visitors:file": STORE,
    "visitors:erase": STORE,
    "contacts:list": STORE,
    "contacts:contact": STORE,
    "contacts:give": STORE,
    "contacts:end": STORE,
    "contacts:erase": STORE,
    "contacts:file": STORE,
    "visitors:segments": STORE,
    "visitors:segment": STORE,
    "visitors:segment-*": STORE,
    # By a signed address and nothing else; this one is forged.
    "contacts:confirm": same(405, GET=404, HEAD=404, POST=404),
    "contacts:unsubscribe": same(405, GET=404, HEAD=404, POST=404),
    "contacts:preferences": same(405, GET=404, HEAD=404, POST=404),
    "contacts:data": same(405, GET=404, HEAD=404, POST=404),
    "contacts:erase-me": same(405, GET=404, HEAD=404, POST=404),
    "features:try": STORE,
    "features:cards": STORE,
    "features:card": STORE,
    "features:preview": STORE,
    "features:numbers": STORE,
    "imports:*": STORE,
    "features:switch": STORE,
    "features:revert": STORE,
    "visitors:collect": same(405, POST=400),
    "visitors:live": same(405, GET=200, HEAD=200),
    "visitors:visitor": same(405, POST=200),
    "visitors:live-page": same(405, GET=404, HEAD=404),  # where shoppers have no counter
    "features:config": same(405, GET=200, HEAD=200),
    "features:act": same(405, POST=200),
    "features:tried": same(405, POST=204),
    "design": Entry(every(405, GET=404, HEAD=404), READ, READ),
    "set_language": same(302),
    "integrations:webhook": same(405, POST=401),
    "integrations:webhook-without-slash": same(405, POST=401),
    "integrations:settings-check": same(405, POST=200),
    "integrations:settings-check-without-slash": same(405, POST=200),
    "integrations:connect": same(405, GET=404),  # outside Custom mode; so is the next
    "integrations:callback": same(405, GET=404),
    "sandbox-clock": SANDBOX_ONLY,
    "healthz": same(405, GET=200, HEAD=200),
    "readyz": same(405, GET=200, HEAD=200),
    "metrics": same(405, GET=404, HEAD=404),
    "admin:login": Entry(FORM, {**FORM, "GET": 302}, {**FORM, "GET": 302}),
    "admin:logout": Entry(LOGIN, every(405, POST=200), every(405, POST=200)),
    "admin:password_change": Entry(LOGIN, FORM, FORM),
    "admin:password_change_done": Entry(LOGIN, READ, READ),
    "admin:jsi18n": Entry(LOGIN, READ, READ),
    "admin:autocomplete": Entry(LOGIN, every(405, GET=403, HEAD=403), every(405, GET=403, HEAD=403)),
    "admin:index": Entry(LOGIN, every(200), every(200)),
    "admin:app_list": Entry(LOGIN, every(404), every(200)),
    "admin:view_on_site": Entry(LOGIN, every(404), every(404)),
    "admin:catch_all_view admin/*": Entry(LOGIN, every(404), every(404)),
    "admin:view admin/*/<path:object_id>/": Entry(LOGIN, every(302), every(302)),  # to …/change/
    "admin:*_replay": Entry(LOGIN, every(405, POST=403), every(405, POST=302)),
    "admin:*_changelist": Entry(LOGIN, every(403), every(200)),
    "admin:*_history": Entry(LOGIN, every(403), every(200)),
    # What staff may edit; everything else the product writes.
    "admin:core_merchant_change": Entry(LOGIN, every(403), every(200)),
    "admin:core_user_*": Entry(LOGIN, every(403), every(200)),
    "admin:auth_*": Entry(LOGIN, every(403), every(200)),
    "admin:*_change": Entry(LOGIN, every(403), every(200, POST=403)),
    "admin:*_add": Entry(LOGIN, every(403), every(403)),
    "admin:*_delete": Entry(LOGIN, every(403), every(403)),
}


# Redirections that are no demand to sign in
WAYS = {"admin:logout": "/admin/", "core:sign-out": "/", "set_language": "/"}

# The walk


@dataclass(frozen=True)
class Route:
    name: str
    pattern: str
    callback: Any


def routes(resolver: URLResolver, prefix: str = "", namespaces: tuple[str, ...] = ()) -> Iterator[Route]:
    for each in resolver.url_patterns:
        pattern = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each, pattern, (*namespaces, each.namespace) if each.namespace else namespaces)
        elif isinstance(each, URLPattern):
            name = each.name or f"{getattr(each.callback, '__name__', '?')} {pattern}"
            yield Route(":".join([*namespaces, name]), pattern, each.callback)


def all_routes() -> list[Route]:
    return list(routes(get_resolver()))


def entry_of(route: Route) -> str | None:
    """The first pattern of the table that fits."""
    return next((pattern for pattern in TABLE if fnmatchcase(route.name, pattern)), None)


@dataclass(frozen=True)
class World:
    """The ids of store A's rows, full of canaries, and one client for each role; nobody of them belongs to it."""

    ids: dict[str, Any]
    clients: dict[str, Client]

    def address(self, route: Route) -> str:
        """The route's address at store A's rows. A new kind of parameter must be given a value here."""
        parts = route.pattern.split("/")
        values = {
            "object_id": self.ids.get("/".join(parts[1:3])),
            "id": self.ids["core/user"],
            "pk": self.ids.get("/".join(parts[1:3])),
            "content_type_id": self.ids["content type"],
            "app_label": "integrations",
            "url": "no/such/page",
            "store": self.ids["salla id"] if route.pattern.startswith(("sf/", "live/")) else self.ids["store"],
            "slug": "test_card",
            "action": "echo",
            "revision": self.ids["revision"],
            "member": self.ids["member"],
            "visit": self.ids["visit"],
            "visitor": self.ids["visitor"],
            "file": self.ids["file"],
            "move": "go",
            "contact": self.ids["contact"],
            "segment": self.ids["segment"],
            "token": "no-such-token",
        }
        if route.name == "admin:view_on_site":
            values["object_id"] = self.ids["integrations/order"]

        def fill(found: re.Match[str]) -> str:
            value = values[found[1]]
            assert value is not None, f"{route.name}: no row of store A for <{found[1]}>"
            return str(value)

        text = re.sub(r"\(\?P<(\w+)>[^)]*\)", fill, route.pattern)
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", fill, text).replace("^", "").replace("$", "")

    def ask(self, role: str, method: str, route: Route) -> Any:
        """One request that leaves nothing behind."""
        client = self.clients[role]
        cookies = client.cookies.copy()
        with transaction.atomic():
            response = client.generic(method, self.address(route), b"{}", content_type="application/json")
            response.content  # noqa: B018 - rendered before everything is undone
            transaction.set_rollback(True)
        client.cookies = cookies
        return response


@pytest.fixture
def world(db: None) -> Iterator[World]:
    with registered(a_card()):
        yield a_world()


def a_world() -> World:
    ids = fill_store_a()
    people = {
        "stranger": User.objects.create_user("stranger@example.com"),
        "member": User.objects.create_user("member@example.com"),
        "staff": User.objects.create_user("staff@example.com", is_staff=True),
        "superuser": User.objects.create_superuser("super@example.com"),
    }
    other = store(847769313)
    Membership.objects.create(merchant=other, user=people["member"], role=Membership.Role.OWNER)
    clients = {role: Client(headers={"accept-language": "en"}) for role in ROLES}
    for role, person in people.items():
        clients[role].force_login(person)
    return World(ids, clients)


def fill_store_a() -> dict[str, Any]:
    """One row of each model that the admin shows, with a canary wherever text goes."""
    now = clock.now()
    merchant = Merchant.objects.create(salla_id=1305146709, name=CANARY, domain=f"{CANARY}.example")
    connection = Connection.unscoped.create(
        merchant=merchant, state=Connection.State.CONNECTED, access_token=TOKENS[0], refresh_token=TOKENS[1]
    )
    owner = User.objects.create_user(CANARY_EMAIL, name=CANARY)
    membership = Membership.objects.create(merchant=merchant, user=owner, role=Membership.Role.OWNER)
    activity.note(merchant, services.INVITED, user=owner, whom=owner)
    switchboard.save(merchant, card=a_card(), raw={"note": CANARY}, by=owner)
    switchboard.switch(merchant, card=a_card(), is_on=True, by=owner)
    merchant.contact_imports.create(
        kind="contacts",
        state="processed",
        encoding="utf-8",
        separator=",",
        file_name=CANARY,
        content=CANARY_EMAIL.encode(),
    )
    mirrored = {"salla_id": 1, "source_updated_at": now}
    customer = merchant.customers.create(
        **mirrored, name=CANARY, email=CANARY_EMAIL, phone=CANARY_PHONE, city=CANARY, country=CANARY
    )
    event = record(merchant, facts.CouponApplied(cart_id=1, code=CANARY), key=CANARY)
    assert event is not None
    body = f'{{"event": "{CANARY}", "data": {{"access_token": "{TOKENS[0]}", "mobile": "{CANARY_PHONE}"}}}}'
    dead = {"state": Delivery.State.DEAD, "reason": CANARY}
    delivery = Delivery.objects.create(
        body_sha256=b"a" * 32,
        body=body.encode(),
        size=len(body),
        received_at=now,
        event=CANARY,
        merchant=merchant,
        **dead,
    )
    reaction = merchant.reactions.create(event=event, handler=CANARY, **dead)
    sync = merchant.syncs.create(kind="orders", purpose="check", detail=CANARY, **dead)
    purge = merchant.purges.create(planned_at=now, **dead)
    alert = merchant.alerts.create(kind="disconnected", key=CANARY, data={"order_id": CANARY}, **dead)
    mail = merchant.alert_mails.create(alert=alert, user=owner, **dead)
    contact = merchant.contacts.create(kind="email", value=CANARY_EMAIL, name=CANARY, source=CANARY)
    shown = {"contact": contact, "text": CANARY, "page": f"/{CANARY}", "source": "form"}
    suppressions.suppress(merchant, value=CANARY_EMAIL, channels=contact.channels, reason=Suppression.Reason.STOPPED)
    rows = {
        "auth/group": Group.objects.create(name="support"),
        "core/user": owner,
        "core/merchant": merchant,
        "notifications/alert": alert,
        "notifications/alertmail": mail,
        "notifications/message": merchant.messages.create(
            key=CANARY, contact=contact, channel="email", purpose="confirmation", template="optin", language="ar"
        ),
        "visitors/contact": contact,
        "visitors/consent": merchant.consents.create(purpose="marketing", channel="email", state="given", **shown),
        "visitors/optin": merchant.opt_ins.create(name=CANARY, expires_at=now, **shown),
        "visitors/contactimport": merchant.contact_imports.get(),
        "visitors/suppression": merchant.suppressions.get(),
        "integrations/connection": connection,
        "integrations/delivery": delivery,
        "integrations/deaddelivery": delivery,
        "integrations/sync": sync,
        "integrations/deadsync": sync,
        "integrations/purge": purge,
        "integrations/deadpurge": purge,
        "integrations/standing": Standing.unscoped.create(merchant=merchant),
        "integrations/subscription": merchant.subscriptions.create(key=CANARY, plan_name=CANARY, source_updated_at=now),
        "integrations/customer": customer,
        "integrations/order": merchant.orders.create(**mirrored, customer=customer, city=CANARY, status=CANARY),
        "integrations/cart": merchant.carts.create(**mirrored, customer=customer, coupon_code=CANARY),
        "integrations/product": merchant.products.create(**mirrored, name=CANARY, sku=CANARY),
        "events/event": event,
        "events/reaction": reaction,
        "events/deadreaction": reaction,
        "events/badbatch": BadBatch.objects.create(
            shard=1, position="1-0", merchant=merchant, body=CANARY.encode(), **dead
        ),
        "events/tick": Tick.objects.create(job=CANARY, period=now, **dead),
        "features/feature": merchant.features.get(),
        "features/revision": merchant.revisions.latest("pk"),
        "features/storefrontconfig": merchant.storefront_config,
        "content type": ContentType.objects.get_for_model(type(customer)),
    }
    return {
        **{name: row.pk for name, row in rows.items()},
        "store": merchant.public_id,
        "member": membership.pk,
        **shown_ids(merchant),
    }


def shown_ids(merchant: Merchant) -> dict[str, Any]:
    """By which addresses that are not the admin's name the store and its rows."""
    now = clock.now()
    visitor = merchant.visitors.create(key=CANARY, first_seen_at=now, last_seen_at=now, source=CANARY)
    visit = merchant.visits.create(
        visit_key=CANARY, visitor=visitor, started_at=now, last_seen_at=now, campaign=CANARY, landing=CANARY
    )
    return {
        "salla id": merchant.salla_id,
        "revision": merchant.revisions.latest("pk").public_id,
        "visitor": visitor.public_id,
        "contact": merchant.contacts.get().public_id,
        "visit": visit.public_id,
        "file": merchant.contact_imports.get().public_id,
        "segment": merchant.segments.create(name=CANARY, rules={}).public_id,
    }


@dataclass
class Findings:
    wrong: dict[str, int]
    leaks: set[str]
    seen: set[str]


def walk(world: World, role: str) -> Findings:
    """Ask for everything as `role`."""
    found = Findings({}, set(), set())
    for route in all_routes():
        pattern = entry_of(route)
        for method in METHODS:
            response = world.ask(role, method, route)
            expected = TABLE[pattern].of(role)[method] if pattern else None
            if response.status_code != expected or goes_astray(response, route, role):
                found.wrong[f"{method} {route.name}"] = response.status_code
            answer = f"{response.content.decode()} {response.headers}"
            shown = {canary for canary in CANARIES if canary in answer}
            found.seen |= shown
            if shown and role != "superuser":
                found.leaks.add(f"{method} {route.name}")
    return found


def goes_astray(response: Any, route: Route, role: str) -> bool:
    """An outsider who is redirected is sent to the sign-in page, or to where `WAYS` says, and nowhere else."""
    if role not in OUTSIDERS or response.status_code != 302:
        return False
    path = urlsplit(response.headers["Location"]).path
    if route.name == "overview":
        own = Merchant.objects.filter(memberships__user__email=f"{role}@example.com")
        return path not in {f"/stores/{merchant.public_id}/" for merchant in own}
    door = "/admin/login/" if route.name.startswith("admin:") else "/sign-in/"
    return path != WAYS.get(route.name, door)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of refusals need no log."""
    logger = logging.getLogger("django")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


@pytest.mark.parametrize("role", [*OUTSIDERS, "staff"])
def test_nobody_reaches_another_store(role: str, world: World) -> None:
    found = walk(world, role)
    assert found.wrong == {}
    assert found.leaks == set()


def test_a_superuser_reaches_everything_but_tokens(world: World) -> None:
    """Which also proves that the canaries stand where the walk looks."""
    found = walk(world, "superuser")
    assert found.wrong == {}
    assert found.seen == {CANARY, CANARY_PHONE, CANARY_EMAIL}


def test_refused_requests_change_nothing(world: World) -> None:
    before = snapshot()
    for role in (*OUTSIDERS, "staff"):
        for route in all_routes():
            if route.name.endswith(("_replay", "_delete", "_change")) or entry_of(route) in STORE_PAGES:
                world.clients[role].post(world.address(route), {"post": "yes", "state": "waiting"})
    assert snapshot() == before


STORE_PAGES = [name for name, entry in TABLE.items() if entry is STORE]


def snapshot() -> dict[str, list[Any]]:
    models = (Delivery.objects, Reaction.unscoped, Tick.objects, Order.unscoped, Merchant.objects, User.objects)
    models = (*models, Membership.objects, Activity.unscoped, Feature.unscoped, Revision.unscoped)
    models = (*models, Visitor.unscoped, Visit.unscoped, Segment.unscoped)
    return {str(rows.model): list(rows.order_by("pk").values()) for rows in models}


# The table is whole


def test_every_route_has_an_entry_and_every_entry_a_route() -> None:
    found = {route.name: entry_of(route) for route in all_routes()}
    assert [name for name, pattern in found.items() if pattern is None] == []
    assert set(TABLE) - set(found.values()) == set()
    assert {"overview", "integrations:webhook", "admin:events_event_change", "admin:core_user_change"} <= set(found)


def leak(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """What a careless view would do."""
    return HttpResponse(Order.unscoped.values_list("city", flat=True)[0])


urlpatterns = [
    *urls.urlpatterns,
    path("planted/", leak, name="planted"),
    path("planted/<int:pk>/", include(([path("", leak)], "deeper"))),
]


def test_a_new_route_without_an_entry_is_seen(settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.test_tenancy"
    missing = [route.name for route in all_routes() if entry_of(route) is None]
    assert missing == ["planted", "deeper:leak planted/<int:pk>/"]


def test_a_new_route_that_leaks_is_seen(settings: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ROOT_URLCONF = "tests.test_tenancy"
    monkeypatch.setitem(TABLE, "planted", same(200))
    monkeypatch.setattr(
        "tests.test_tenancy.all_routes", lambda: [r for r in routes(get_resolver()) if r.name == "planted"]
    )
    found = walk(world, "member")
    assert found.wrong == {}
    assert found.leaks == {f"{method} planted" for method in METHODS if method != "HEAD"}


def test_a_wrong_status_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLE, "overview", same(405, GET=200, HEAD=200, DELETE=200))
    overview = [route for route in all_routes() if route.name == "overview"]
    monkeypatch.setattr("tests.test_tenancy.all_routes", lambda: overview)
    assert walk(world, "nobody").wrong == {"DELETE overview": 405}


# Forgery

MACHINES = {
    "notifications:unsubscribe",
    "visitors:collect",
    "visitors:live",
    "visitors:visitor",
    "contacts:confirm",
    "contacts:unsubscribe",
    "contacts:preferences",
    "contacts:data",
    "contacts:erase-me",
    "features:config",
    "features:act",
    "features:tried",
    "integrations:webhook",
    "integrations:webhook-without-slash",
    "integrations:settings-check",
    "integrations:settings-check-without-slash",
    "sandbox-clock",
    "healthz",
    "readyz",
    "metrics",
}


def test_unsafe_requests_need_the_csrf_token(world: World) -> None:
    """Signed in as the one who may do everything, from a page of somebody else's."""
    client = Client(enforce_csrf_checks=True, headers={"accept-language": "en"})
    client.force_login(User.objects.get(email="super@example.com"))
    taken = set()
    for route in all_routes():
        for method in UNSAFE:
            response = client.generic(method, world.address(route), b"{}", content_type="application/json")
            if (response.status_code, b"This page has expired" in response.content) != (403, True):
                taken.add(route.name)
    assert taken == MACHINES


def test_only_machines_are_exempt_from_csrf() -> None:
    exempt = {route.name for route in all_routes() if getattr(route.callback, "csrf_exempt", False)}
    assert exempt == MACHINES
