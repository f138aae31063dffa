"""A store with a team to be told, and what it was told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import time_machine
from django.core import mail as outbox

from core.models import Membership, Merchant, User
from events import facts
from events.services import record
from integrations.models import Connection
from notifications import services
from notifications.tasks import send_alerts
from tests.conftest import work

Role = Membership.Role
SUNDAY = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)  # 09:00 in Riyadh


def a_team(merchant: Merchant) -> dict[str, User]:
    """One person of each role."""
    people = {}
    for role in Role:
        people[role.value] = User.objects.create_user(f"{role}@example.com", name=role.value)
        Membership.objects.create(user=people[role.value], merchant=merchant, role=role)
    return people


def break_connection(merchant: Merchant, key: str = "store:disconnected:1") -> None:
    Connection.unscoped.filter(merchant=merchant).update(state=Connection.State.NEEDS_REINSTALL)
    record(merchant, facts.StoreDisconnected(), key=key)
    work()


def sent() -> list[tuple[str, str]]:
    return sorted((message.to[0], message.subject) for message in outbox.outbox)


def reasons(merchant: Merchant) -> list[tuple[str, str]]:
    return list(merchant.alerts.order_by("pk").values_list("state", "reason"))


def a_week(merchant: Merchant) -> None:
    """Orders at the edges of the week that ends on that Sunday in Riyadh; the store is older."""
    Merchant.objects.filter(pk=merchant.pk).update(created_at=SUNDAY - timedelta(days=90))
    for number, at in enumerate(("2026-11-14T20:59", "2026-11-14T21:00", "2026-11-21T20:59", "2026-11-21T21:00"), 1):
        placed_at = datetime.fromisoformat(at).replace(tzinfo=UTC)
        merchant.orders.create(
            salla_id=number, source_updated_at=placed_at, placed_at=placed_at, status="completed",
            payment_method="mada", is_pending_payment=False, total=Decimal(100 * number), currency="SAR",
        )  # fmt: skip


def at(moment: datetime) -> None:
    with time_machine.travel(moment):
        services.raise_digests()
        services.raise_digests()
        send_alerts()
