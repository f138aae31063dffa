"""The staff's pages: every list, search, filter and row in both languages, secrets masked, replay guarded."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import models
from django.test import Client
from django.urls import reverse

from core import clock
from core.models import Membership, Merchant, User
from events import facts
from events.models import BadBatch, DeadReaction, Reaction, Tick
from events.services import record
from features import services as switchboard
from features.models import Feature, StorefrontConfig
from integrations.models import Connection, DeadDelivery, DeadPurge, DeadSync, Delivery, Purge, Standing, Sync
from notifications.models import Alert, AlertMail
from tests.cards import a_card, registered
from visitors import suppressions
from visitors.models import ContactImport, Suppression

MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
REPLAYED = [
    Delivery,
    DeadDelivery,
    Reaction,
    DeadReaction,
    Purge,
    DeadPurge,
    Sync,
    DeadSync,
    Tick,
    Alert,
    AlertMail,
    BadBatch,
    ContactImport,
]
ROWS = 60
MOST_QUERIES = 15
SECRETS = ("secret-access", "secret-refresh", "secret-otp")
State = Delivery.State


def a_delivery(number: int, **fields: Any) -> Delivery:
    """A delivery whose body holds what nobody may see."""
    data = {
        "access_token": SECRETS[0],
        "list": [{"refresh_token": SECRETS[1]}, {"Code": SECRETS[2]}],
        "city": "الرياض",
    }
    body = json.dumps({"event": "order.created", "number": number, "data": data}).encode()
    values = {
        "body": body,
        "size": len(body),
        "body_sha256": hashlib.sha256(body).digest(),
        "received_at": clock.now(),
        "event": "order.created",
        "state": State.DEAD,
        "reason": "no merchant id",
        "attempts": 8,
    }
    return Delivery.objects.create(**{**values, **fields})


def fill(merchant: Merchant, count: int) -> None:
    """`count` rows of everything that staff see, the last of each made by its own store's events."""
    now = clock.now()
    Group.objects.bulk_create(Group(name=f"group {n}") for n in range(count))
    User.objects.bulk_create(User(email=f"person{n}@example.com") for n in range(count))
    stores = Merchant.objects.bulk_create(Merchant(salla_id=n, name=f"store {n}") for n in range(1, count + 1))
    Connection.unscoped.bulk_create(
        Connection(merchant=store, access_token=SECRETS[0], refresh_token=SECRETS[1]) for store in stores
    )
    person = User.objects.get(email="person0@example.com")
    Membership.objects.bulk_create(Membership(merchant=store, user=person) for store in stores)
    for number, store in enumerate(stores, 1):
        of_salla = {"salla_id": number, "source_updated_at": now}
        customer = store.customers.create(**of_salla, name="نورة", city="جدة")
        store.orders.create(**of_salla, customer=customer, status="completed", total="10.50", currency="SAR")
        store.carts.create(**of_salla, customer=customer, status="active", coupon_code="SAVE10")
        store.products.create(**of_salla, name="عطر", status="sale")
        store.subscriptions.create(key="trial", item="trial", status="active", source_updated_at=now)
        Standing.unscoped.create(merchant=store, state="trial")
        event = record(store, facts.OrderDeleted(order_id=number), key=f"order:{number}:deleted")
        store.reactions.create(event=event, handler="x.y", state=State.DEAD, reason="ValueError: no", attempts=8)
        store.syncs.create(kind="store", purpose="upkeep", state=State.DEAD, reason="took too long", attempts=11)
        store.purges.create(planned_at=now, state=State.DEAD, reason="took too long", attempts=11)
        given_up = {"state": State.DEAD, "reason": "took too long", "attempts": 11}
        alert = store.alerts.create(kind="digest", key="digest:2026-11-22", **given_up)
        store.alert_mails.create(alert=alert, user=person, **given_up)
        BadBatch.objects.create(shard=1, position=f"{number}-0", merchant=store, body=b'{"m": 1}', **given_up)
        contact = store.contacts.create(kind="email", value="sara@example.com", source="form")
        agreed = {"contact": contact, "text": "نعم", "source": "form"}
        store.consents.create(purpose="marketing", channel="email", state="given", **agreed)
        store.opt_ins.create(expires_at=now, **agreed)
        suppressions.suppress(store, value=contact.value, channels=contact.channels, reason=Suppression.Reason.STOPPED)
        store.contact_imports.create(kind="contacts", file_name="people.csv", encoding="utf-8", **given_up)
        store.messages.create(key="x", contact=contact, channel="email", purpose="marketing", template="x")
        Tick.objects.create(job=f"job {number}", period=now, state=State.DEAD, reason="took too long")
        a_delivery(number, merchant=store, store_id=number)
        switchboard.switch(store, card=a_card(), is_on=True, by=person)


def page(model: type[models.Model], name: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def newest(model: type[models.Model]) -> Any:
    """A row as the admin sees it."""
    return model._base_manager.order_by("-pk").first()


def manager_of(model: type[models.Model]) -> Any:
    return getattr(model, "unscoped", None) or model._default_manager


@pytest.fixture
def root(db: None) -> User:
    """A superuser; hashing a password for each test would take longer than the tests."""
    return User.objects.create_superuser("root@nomoflow.example")


@pytest.fixture
def staff_client(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


@pytest.fixture
def viewer(db: None) -> Client:
    """Staff who may look at work, and no more."""
    person = User.objects.create_user("viewer@example.com", is_staff=True)
    names = [f"view_{model._meta.model_name}" for model in REPLAYED]
    person.user_permissions.set(Permission.objects.filter(codename__in=names))
    client = Client()
    client.force_login(person)
    return client


# Every page


def test_every_model_of_ours_that_staff_need_is_registered() -> None:
    labels = {model._meta.label for model in MODELS}
    assert {
        "core.User",
        "core.Merchant",
        "events.BadBatch",
        "events.DeadReaction",
        "events.Event",
        "events.Reaction",
        "events.Tick",
        "features.Feature",
        "features.Revision",
        "features.StorefrontConfig",
        "integrations.Cart",
        "integrations.Connection",
        "integrations.Customer",
        "integrations.DeadDelivery",
        "integrations.DeadPurge",
        "integrations.DeadSync",
        "integrations.Delivery",
        "integrations.Order",
        "integrations.Product",
        "integrations.Purge",
        "integrations.Standing",
        "integrations.Subscription",
        "integrations.Sync",
    } <= labels


@pytest.mark.parametrize(("language", "direction"), [("ar", "rtl"), ("en", "ltr")])
def test_list_search_filter_and_row_answer(
    language: str, direction: str, staff_client: Client, merchant: Merchant
) -> None:
    fill(merchant, 2)
    addresses = [address for model in MODELS for address in addresses_of(model)]
    found = {}
    for address in addresses:
        response = staff_client.get(address, headers={"accept-language": language})
        html = response.content.decode()
        is_right = f'<html lang="{language}" dir="{direction}"' in html
        found[address] = (response.status_code, is_right, [secret for secret in SECRETS if secret in html])
    assert len(addresses) > 60
    assert found == dict.fromkeys(addresses, (200, True, []))


def addresses_of(model: type[models.Model]) -> list[str]:
    """Its list as it stands, searched and filtered, and one row with its history."""
    rows, row = page(model, "changelist"), newest(model).pk
    searches = ["?q=1", "?q=%D9%86"] if admin.site._registry[model].search_fields else []
    lists = [rows + query for query in ["", *searches, *filters_of(model)]]
    return [*lists, page(model, "change", row), page(model, "history", row)]


def filters_of(model: type[models.Model]) -> list[str]:
    """One query for each filter of the list; a date is asked for by its own links."""
    queries = []
    for name in admin.site._registry[model].list_filter:
        field = model._meta.get_field(str(name))
        if isinstance(field, models.DateTimeField):
            queries.append(f"?{name}__gte=2026-01-01+00%3A00%3A00%2B03%3A00")
        elif isinstance(field, models.BooleanField):
            queries.append(f"?{name}__exact=1")
        elif field.choices:
            queries.append(f"?{name}__exact={field.flatchoices[0][0]}")
        elif not field.is_relation:
            queries.append(f"?{name}=x")
    return queries


@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_index_and_the_app_pages_answer(language: str, staff_client: Client) -> None:
    for address in ["/admin/", *(f"/admin/{app}/" for app in ("auth", "core", "events", "features", "integrations"))]:
        assert staff_client.get(address, headers={"accept-language": language}).status_code == 200


def test_a_filter_keeps_what_fits(staff_client: Client, merchant: Merchant) -> None:
    a_delivery(1)
    a_delivery(2, state=State.PROCESSED, event="cart.seen", reason="")
    html = staff_client.get(page(Delivery, "changelist") + "?state__exact=processed").content.decode()
    assert re.findall(r'class="field-event_name"><a href="[^"]*">([^<]+)<', html) == ["cart.seen"]


@pytest.mark.parametrize("term", ["order.created", "77", "no merchant id", "متجر"])
def test_a_delivery_is_found_by_what_staff_know(term: str, staff_client: Client, merchant: Merchant) -> None:
    found = a_delivery(1, store_id=77, merchant=merchant)
    a_delivery(2, event="x", reason="y", store_id=5)
    response = staff_client.get(page(Delivery, "changelist"), {"q": term})
    assert [row.pk for row in response.context["cl"].result_list] == [found.pk]


@pytest.mark.parametrize("model", [Feature, StorefrontConfig], ids=lambda model: model._meta.label)
def test_cards_are_found_by_their_store_and_shown_as_json(
    model: type[models.Model], staff_client: Client, merchant: Merchant, other_merchant: Merchant
) -> None:
    with registered(a_card()) as card:
        for store in (merchant, other_merchant):
            switchboard.save(store, card=card, raw={"title": f"عنوان {store.salla_id}"})
            switchboard.switch(store, card=card, is_on=True)
        response = staff_client.get(page(model, "changelist"), {"q": str(merchant.salla_id)})
        assert [row.merchant for row in response.context["cl"].result_list] == [merchant]
        html = staff_client.get(page(model, "change", manager_of(model).get(merchant=merchant).pk)).content.decode()
    assert f"عنوان {merchant.salla_id}" in html
    assert 'class="readable-body" dir="ltr"' in html
    if model is StorefrontConfig:
        assert f'href="/sf/{merchant.salla_id}/config.json"' in html


# Few queries


def test_a_list_asks_little_however_many_rows(
    staff_client: Client, merchant: Merchant, django_assert_max_num_queries: Any
) -> None:
    fill(merchant, ROWS)
    for model in MODELS:
        with django_assert_max_num_queries(MOST_QUERIES, info=model._meta.label):
            response = staff_client.get(page(model, "changelist"), headers={"accept-language": "en"})
        assert len(response.context["cl"].result_list) >= 50


def test_a_rows_page_asks_little(staff_client: Client, merchant: Merchant, django_assert_max_num_queries: Any) -> None:
    fill(merchant, ROWS)
    person = User.objects.get(email="person0@example.com")  # member of sixty stores
    for model in MODELS:
        row = person.pk if model is User else newest(model).pk
        with django_assert_max_num_queries(MOST_QUERIES, info=model._meta.label):
            assert staff_client.get(page(model, "change", row)).status_code == 200


# Secrets


def test_a_body_is_shown_without_its_secrets(staff_client: Client, db: None) -> None:
    html = staff_client.get(page(Delivery, "change", a_delivery(1).pk)).content.decode()
    assert [secret for secret in SECRETS if secret in html] == []
    assert html.count("•••") == 3
    assert "الرياض" in html


UNREADABLE = [b'{"access_token": "secret-access"', b"\xff\x00secret-access", b"[" * 10**5]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_body_that_cannot_be_read_can_be_looked_at(body: bytes, staff_client: Client, db: None) -> None:
    response = staff_client.get(page(DeadDelivery, "change", a_delivery(1, body=body, size=len(body)).pk))
    assert response.status_code == 200


def test_a_body_that_cannot_be_read_shows_no_secret_either(staff_client: Client, db: None) -> None:
    response = staff_client.get(page(DeadDelivery, "change", a_delivery(1, body=UNREADABLE[0]).pk))
    assert SECRETS[0] not in response.content.decode()


def test_a_body_under_a_lost_key_is_no_error(staff_client: Client, db: None, settings: Any) -> None:
    delivery = a_delivery(1)
    settings.FIELD_ENCRYPTION_KEYS = ["A" * 43 + "="]
    address = page(Delivery, "change", delivery.pk)
    assert (
        "No configured key opens this body."
        in staff_client.get(address, headers={"accept-language": "en"}).content.decode()
    )
    assert staff_client.get(page(Delivery, "changelist")).status_code == 200


def test_a_dropped_body_says_so(staff_client: Client, db: None) -> None:
    html = staff_client.get(
        page(Delivery, "change", a_delivery(1, body=None).pk), headers={"accept-language": "en"}
    ).content.decode()
    assert "Dropped after 30 days." in html


def test_a_connections_tokens_are_not_on_its_page(staff_client: Client, merchant: Merchant) -> None:
    connection = merchant.connection
    connection.access_token, connection.refresh_token = SECRETS[:2]
    connection.save()
    html = staff_client.get(page(Connection, "change", connection.pk)).content.decode()
    assert re.findall(r"\w*(?<!csrfmiddleware)token\w*", html) == []
    assert [secret for secret in SECRETS if secret in html] == []


# Replay


def dead_rows(merchant: Merchant, model: type[models.Model]) -> list[Any]:
    """Two dead rows of the model's table."""
    if issubclass(model, Delivery):
        return [a_delivery(1), a_delivery(2)]
    if issubclass(model, Reaction):
        event = record(merchant, facts.OrderDeleted(order_id=1), key="order:1:deleted")
        fields = {"event": event, "state": State.DEAD, "attempts": 8, "reason": "no"}
        return [merchant.reactions.create(handler=name, **fields) for name in ("a.b", "c.d")]
    if issubclass(model, Purge):
        given = {"planned_at": clock.now(), "state": State.DEAD, "attempts": 8, "reason": "no"}
        return [store.purges.create(**given) for store in (merchant, Merchant.objects.create(salla_id=2))]
    if issubclass(model, Sync):
        given = {"purpose": "upkeep", "state": State.DEAD, "attempts": 8, "reason": "no"}
        return [merchant.syncs.create(kind=kind, **given) for kind in ("store", "tokens")]
    if model is BadBatch:
        given = {"shard": 1, "state": State.DEAD, "attempts": 8, "reason": "no"}
        return [BadBatch.objects.create(position=position, **given) for position in ("1-0", "2-0")]
    if model is ContactImport:
        given = {"kind": "contacts", "encoding": "utf-8", "state": State.DEAD, "attempts": 8, "reason": "no"}
        return [merchant.contact_imports.create(file_name=name, **given) for name in ("a.csv", "b.csv")]
    if model in {Alert, AlertMail}:
        given = {"state": State.DEAD, "attempts": 8, "reason": "no"}
        found = [merchant.alerts.create(kind="digest", key=key, **given) for key in ("a", "b")]
        person = User.objects.create_user("person@example.com")
        mails = [merchant.alert_mails.create(alert=alert, user=person, **given) for alert in found]
        return found if model is Alert else mails
    fields = {"period": clock.now(), "state": State.DEAD, "attempts": 8, "reason": "no"}
    return [Tick.objects.create(job=name, **fields) for name in ("a", "b")]


def states(rows: list[Any]) -> list[tuple[str, int, str]]:
    for row in rows:
        row.refresh_from_db()
    return [(row.state, row.attempts, row.reason) for row in rows]


@pytest.mark.parametrize("model", REPLAYED, ids=lambda model: model._meta.label)
def test_one_row_is_replayed_by_its_button(model: type[models.Model], root: User, merchant: Merchant) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    first, second = dead_rows(merchant, model)
    untouched = states([second])
    html = client.get(page(model, "change", first.pk)).content.decode()
    form = re.search(r'<form method="post" action="([^"]+/replay/)">\s*<input[^>]+value="(\w+)"', html)
    assert form is not None
    assert form[1] == page(model, "replay", first.pk)
    assert client.post(form[1]).status_code == 403  # without the token
    response = client.post(form[1], {"csrfmiddlewaretoken": form[2]}, follow=True, headers={"accept-language": "en"})
    assert response.redirect_chain == [(page(model, "changelist"), 302)]
    assert "1 row will run again within 15 seconds." in response.content.decode()
    assert states([first]) == [(State.WAITING, 0, "")]
    assert first.due_at <= clock.now()
    assert states([second]) == untouched


@pytest.mark.parametrize("model", REPLAYED, ids=lambda model: model._meta.label)
def test_selected_rows_are_replayed_together(
    model: type[models.Model], staff_client: Client, merchant: Merchant
) -> None:
    rows = dead_rows(merchant, model)
    data = {"action": "replay_selected", "_selected_action": [row.pk for row in rows]}
    response = staff_client.post(page(model, "changelist"), data, follow=True, headers={"accept-language": "en"})
    assert "2 rows will run again within 15 seconds." in response.content.decode()
    assert states(rows) == [(State.WAITING, 0, "")] * 2


@pytest.mark.parametrize("model", REPLAYED, ids=lambda model: model._meta.label)
def test_staff_who_may_only_look_cannot_replay(model: type[models.Model], viewer: Client, merchant: Merchant) -> None:
    rows = dead_rows(merchant, model)
    before = states(rows)
    html = viewer.get(page(model, "change", rows[0].pk)).content.decode()
    assert "/replay/" not in html
    assert "replay_selected" not in viewer.get(page(model, "changelist")).content.decode()
    assert viewer.post(page(model, "replay", rows[0].pk)).status_code == 403
    data = {"action": "replay_selected", "_selected_action": [row.pk for row in rows]}
    viewer.post(page(model, "changelist"), data)
    assert states(rows) == before


@pytest.mark.parametrize("model", REPLAYED, ids=lambda model: model._meta.label)
def test_replay_is_asked_for_by_post_alone(model: type[models.Model], staff_client: Client, merchant: Merchant) -> None:
    rows = dead_rows(merchant, model)
    before = states(rows)
    for method in ("get", "head", "put", "patch", "delete", "options"):
        response = getattr(staff_client, method)(page(model, "replay", rows[0].pk))
        assert (method, response.status_code) == (method, 405)
    assert states(rows) == before


def test_a_waiting_row_is_left_as_it_is(staff_client: Client, db: None) -> None:
    delivery = a_delivery(1, state=State.WAITING, attempts=3, reason="ValueError: no")
    response = staff_client.post(page(Delivery, "replay", delivery.pk), follow=True, headers={"accept-language": "en"})
    assert "0 rows will run again within 15 seconds." in response.content.decode()
    assert states([delivery]) == [(State.WAITING, 3, "ValueError: no")]


def test_a_replayed_delivery_runs_again(staff_client: Client, deliver: Callable[..., Any], merchant: Merchant) -> None:
    delivery = a_delivery(1, state=State.IGNORED, reason="unknown store")
    staff_client.post(page(Delivery, "replay", delivery.pk))
    assert states([delivery]) == [(State.WAITING, 0, "")]


def test_a_replayed_reading_reads_anew_and_a_dead_one_goes_on(staff_client: Client, merchant: Merchant) -> None:
    given = {
        "purpose": "check", "since": clock.now() - timedelta(days=2), "page": 3, "pages": 4, "total": 200, "read": 120,
        "missing": 3, "repaired": 2, "changed": 1, "pending": [7], "detail": "500", "finished_at": clock.now(),
    }  # fmt: skip
    done = merchant.syncs.create(kind="orders", state=State.PROCESSED, **given)
    dead = merchant.syncs.create(kind="carts", state=State.DEAD, **given)
    data = {"action": "replay_selected", "_selected_action": [done.pk, dead.pk]}
    staff_client.post(page(Sync, "changelist"), data)
    assert states([done, dead]) == [(State.WAITING, 0, "")] * 2
    new = merchant.syncs.model(merchant=merchant, kind="orders", purpose="check", since=given["since"])
    assert {name: getattr(done, name) for name in given} == {name: getattr(new, name) for name in given}
    assert {name: getattr(dead, name) for name in given} == given


# Dead letters


@pytest.mark.parametrize("model", [DeadDelivery, DeadReaction], ids=lambda model: model._meta.label)
def test_dead_letters_show_the_dead_alone(model: type[models.Model], staff_client: Client, merchant: Merchant) -> None:
    dead, other = dead_rows(merchant, model)
    for state in (State.WAITING, State.PROCESSED, State.IGNORED):
        manager_of(type(other)).filter(pk=other.pk).update(state=state)
        response = staff_client.get(page(model, "changelist"))
        assert [row.pk for row in response.context["cl"].result_list] == [dead.pk]
        assert staff_client.get(page(model, "change", other.pk)).status_code == 302  # "doesn't exist"
        staff_client.post(page(model, "replay", other.pk))
        assert states([other])[0][0] == state


# Comparing with Salla


def test_staff_have_connected_stores_compared(
    staff_client: Client, viewer: Client, merchant: Merchant, other_merchant: Merchant
) -> None:
    Connection.unscoped.filter(merchant=other_merchant).update(state=Connection.State.UNINSTALLED)
    chosen = list(Connection.unscoped.values_list("pk", flat=True))
    data = {"action": "check_selected", "_selected_action": chosen}
    viewer.post(page(Connection, "changelist"), data)
    assert Sync.unscoped.count() == 0
    response = staff_client.post(page(Connection, "changelist"), data, follow=True, headers={"accept-language": "en"})
    assert "1 store will be compared." in response.content.decode()
    assert sorted(Sync.unscoped.values_list("merchant__salla_id", "kind", "purpose")) == [
        (merchant.salla_id, "carts", "check"),
        (merchant.salla_id, "orders", "check"),
    ]


def test_the_date_of_deletion_is_shown(staff_client: Client, merchant: Merchant) -> None:
    left = {"state": Connection.State.UNINSTALLED, "uninstalled_at": datetime(2026, 3, 1, 9, tzinfo=UTC)}
    Connection.unscoped.filter(merchant=merchant).update(**left)
    address = page(Connection, "change", merchant.connection.pk)
    html = staff_client.get(address, headers={"accept-language": "en"}).content.decode()
    assert re.search(r"31 Mar(ch)? 2026", html)


# Read only


def test_what_the_product_writes_nobody_edits(staff_client: Client, merchant: Merchant) -> None:
    fill(merchant, 1)
    written = [model for model in MODELS if model._meta.app_label in {"events", "integrations"}]
    assert len(written) >= 11
    for model in written:
        rows = model._base_manager.filter(pk=newest(model).pk)
        before = rows.values().get()
        answers = [
            staff_client.get(page(model, "add")),
            staff_client.post(page(model, "change", before["id"]), {"state": "processed", "name": "x"}),
            staff_client.post(page(model, "delete", before["id"]), {"post": "yes"}),
        ]
        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert 'name="_save"' not in staff_client.get(page(model, "change", before["id"])).content.decode()
        data = {"action": "delete_selected", "_selected_action": [before["id"]], "post": "yes"}
        staff_client.post(page(model, "changelist"), data)
        assert rows.values().get() == before
