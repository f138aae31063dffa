"""`manage.py replay`: every recorded body through the real server and worker, and what becomes of each."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.models import Merchant
from events.models import Event
from integrations.models import Connection, Delivery
from scripts import servers, services
from scripts.supervisor import Supervisor
from tests import processes

HERE = Path(__file__).parent
PAYLOADS = HERE / "salla" / "payloads"
EXPECTED = json.loads((HERE / "replay_expected.json").read_text())


@pytest.fixture
def app(transactional_db: None, tmp_path: Path) -> Iterator[processes.App]:
    with processes.supervised(tmp_path) as supervisor:
        app = processes.App(supervisor, tmp_path, **processes.of_this_test())
        app.start("web", "worker", "beat")
        yield app
        app.kill("worker")  # else we would wait until it gives up on asking Salla about each store


def run(app: processes.App, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*services.MANAGE, *arguments]
    return subprocess.run(
        command, env=app.env, cwd=servers.PROJECT, capture_output=True, text=True, timeout=180, check=False
    )


def replay(app: processes.App, report: Path, *arguments: str) -> list[dict[str, str]]:
    done = run(app, "replay", *arguments, "--report", str(report))
    assert (done.returncode, done.stderr) == (0, "")
    rows: list[dict[str, str]] = json.loads(report.read_text())
    return rows


@pytest.mark.slow
def test_recorded_bodies_end_as_expected_and_a_second_time_as_duplicates(app, tmp_path):
    assert replay(app, tmp_path / "first.json", "--connect", str(PAYLOADS)) == EXPECTED
    assert facts("order") == ORDERS
    assert facts("customer") == CUSTOMERS
    assert_carts(facts("cart"))
    assert_uninstalled()
    before = facts("")
    again = replay(app, tmp_path / "second.json", "--connect", str(PAYLOADS))
    assert again == [{"file": row["file"], "status": "duplicate", "reason": ""} for row in EXPECTED]
    assert facts("") == before
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_every_order_cart_and_customer_file_is_expected_to_be_processed():
    assert [row["file"] for row in EXPECTED] == sorted(path.name for path in PAYLOADS.glob("*.json"))
    wanted = ("order.", "abandoned.cart", "coupon.applied", "customer.login")
    found = {row["file"]: row["status"] for row in EXPECTED if row["file"].startswith(wanted)}
    assert (len(found), set(found.values())) == (9, {"processed"})


def facts(kind: str) -> dict[tuple[int, str], tuple[str, dict[str, Any], str]]:
    """By store and key: the facts whose key begins so."""
    rows = Event.unscoped.filter(key__startswith=kind).select_related("merchant")
    return {(row.merchant.salla_id, row.key): (row.name, row.data, row.occurred_at.isoformat()) for row in rows}


STORE = 1305146709
ORDERS = {
    (STORE, "order:2116149737:placed"): (
        "order.placed",
        {
            "order_id": 2116149737,
            "customer_id": 225167971,
            "status": "under_review",
            "payment_method": "bank",
            "total": "196.00",
            "currency": "SAR",
            "source": "store",
            "coupon_codes": [],
            "product_ids": [720881993],
        },
        "2022-06-26T09:21:45+00:00",
    ),
    (STORE, "order:1427738113:placed"): (  # of two shipment events: the thin one adds nothing
        "order.placed",
        {
            "order_id": 1427738113,
            "customer_id": 1550968832,
            "status": "under_review",
            "payment_method": "bank",
            "total": "114.00",
            "currency": "SAR",
            "source": "dashboard",
            "coupon_codes": [],
            "product_ids": [1994210129],
        },
        "2022-06-26T10:29:43+00:00",
    ),
    (193718979, "order:629263027:placed"): (
        "order.placed",
        {
            "order_id": 629263027,
            "customer_id": 1779795066,
            "status": "completed",
            "payment_method": "cod",
            "total": "154.00",
            "currency": "SAR",
            "source": "store",
            "coupon_codes": [],
            "product_ids": [2047473815, 674027926],
        },
        "2022-08-17T17:59:36+00:00",
    ),
    (193718979, "order:629263027:paid"): (
        "order.paid",
        {
            "order_id": 629263027,
            "customer_id": 1779795066,
            "status": "completed",
            "payment_method": "cod",
            "total": "154.00",
            "currency": "SAR",
        },
        "2022-08-17T20:59:38+00:00",
    ),
}
CUSTOMERS = {
    (STORE, "customer:225167971:login:2022-01-25T09:36:49+00:00"): (
        "customer.logged_in",
        {"customer_id": 225167971},
        "2022-01-25T09:36:49+00:00",
    ),
    (STORE, "customer:225167971:notifications:2022-01-25T09:36:49+00:00"): (
        "customer.notifications_changed",
        {"customer_id": 225167971, "is_enabled": True},
        "2022-01-25T09:36:49+00:00",
    ),
}
CARTS = {
    (STORE, "cart:1097962121:abandoned"): (
        "cart.abandoned",
        {
            "cart_id": 1097962121,
            "customer_id": 225167971,
            "total": "100.00",
            "currency": "SAR",
            "product_ids": [401511871, 64738276],
        },
        "2025-01-21T15:00:32+00:00",
    ),
    (847769313, "cart:746780865:coupon:wizefriend"): (
        "coupon.applied",
        {
            "cart_id": 746780865,
            "customer_id": 1448307086,
            "total": "2910.00",
            "currency": "SAR",
            "coupon_id": 2036833834,
            "code": "wizefriend",
        },
        "2022-01-26T19:38:30+00:00",
    ),
}
PURCHASED = (935918575, "cart:1305879817:purchased")


def assert_carts(found: dict[tuple[int, str], tuple[str, dict[str, Any], str]]) -> None:
    """Two bodies of the same second say that a cart was bought; a worker for each, and the thin one may be first."""
    name, data, occurred_at = found.pop(PURCHASED)
    assert found == CARTS
    assert (name, occurred_at) == ("cart.purchased", "2025-03-25T08:59:37+00:00")
    assert data == {"cart_id": 1305879817}
    cart = Merchant.objects.get(salla_id=935918575).carts.get()
    assert (cart.status, str(cart.total), cart.currency) == ("purchased", "34.99", "SAR")


def assert_uninstalled() -> None:
    """The uninstall is sent last, has the same second as all the rest, and wins."""
    connection = Connection.unscoped.get(merchant__salla_id=1234509876)
    assert (connection.state, connection.access_token, connection.refresh_token) == ("uninstalled", None, None)
    files = [row for row in EXPECTED if row["file"].startswith("app.") and row["file"] != "app.trial.canceled.json"]
    told = connection.merchant.events.exclude(name="store.restricted")  # what we made of them
    assert told.count() == len(files) - 1  # two files are the same start of a subscription


# What it refuses


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere", "nowhere: No such file or directory"), ("nowhere.json", "nowhere.json: No such file or directory")],
)
def test_a_wrong_path_is_one_clear_line(path, message):
    with pytest.raises(CommandError) as refusal:
        call_command("replay", path)
    assert str(refusal.value) == message


@pytest.mark.django_db
def test_a_folder_without_recordings_is_one_clear_line(tmp_path):
    with pytest.raises(CommandError, match=r"^There is no \.json file there\.$"):
        call_command("replay", tmp_path)


@pytest.mark.django_db
def test_a_server_that_does_not_run_is_one_clear_line(app_of_nobody):
    done = run(app_of_nobody, "replay", str(PAYLOADS))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"CommandError: http://localhost:{app_of_nobody.port}/webhooks/salla/ does not answer: ConnectionError. "
        "Is the app running?\n"
    )


@pytest.fixture
def app_of_nobody(db: None, tmp_path: Path) -> processes.App:
    """Never started."""
    return processes.App(Supervisor(tmp_path), tmp_path, **processes.of_this_test())
