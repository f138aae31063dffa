"""What a dashboard may know of the connection to Salla."""

from dataclasses import dataclass

from django.utils.translation import gettext

from core.models import Merchant
from integrations import agenda
from integrations.models import Sync


@dataclass(frozen=True)
class Progress:
    """How far the first reading of one kind is. `total` is None until Salla said it; `error` is for the merchant."""

    kind: str
    label: str
    done: int
    total: int | None
    state: str  # of core.work.Work
    error: str


def sync_progress(merchant: Merchant) -> list[Progress]:
    """The latest first reading of each kind, in the order in which they run; empty before the first."""
    first = merchant.syncs.filter(purpose=Sync.Purpose.FIRST).order_by("kind", "-pk").distinct("kind")
    latest = {row.kind: row for row in first}
    return [_progress_of(latest[kind]) for kind in agenda.FIRST_KINDS if kind in latest]


def _progress_of(row: Sync) -> Progress:
    return Progress(
        kind=row.kind,
        label=row.get_kind_display(),
        done=row.read - len(row.pending),
        total=row.total,
        state=row.state,
        error=gettext(row.reason) if row.reason else "",
    )
