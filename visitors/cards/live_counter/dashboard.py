"""What the merchant sees of the counter: a preview, what shoppers are told and why, and the numbers behind it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Merchant
from features.registry import Panel, Sample
from visitors import counter
from visitors.cards.live_counter.settings import Settings
from visitors.counter import Crowd, Rung

EXAMPLE = {"rung": "now", "count": 18, "product": None}


def sample(merchant: Merchant, settings: Settings, language: str) -> Sample:
    """What shoppers are told now; an example where that is nothing."""
    rung, about = counter.crowd(merchant).rung(settings), counter.address(merchant.salla_id)
    told: dict[str, Any] = {"rung": rung.name, "count": rung.count, "product": None}
    is_hidden = rung == counter.HIDDEN
    return Sample({"live": {**(EXAMPLE if is_hidden else told), "about": about}}, is_example=is_hidden)


def health(merchant: Merchant, settings: Settings) -> list[str]:
    """What the counter tells, or why it is hidden."""
    crowd = counter.crowd(merchant)
    if crowd.now is None:
        return [_("The counter is hidden: we cannot tell right now how many are in your store.")]
    return [_told(crowd.rung(settings)) or _hidden(crowd, crowd.now), _rule(settings)]


def _told(rung: Rung) -> str:
    if rung.name == "now":
        words = ngettext(
            "The counter tells of %(count)s shopper now.", "The counter tells of %(count)s shoppers now.", rung.count
        )
    elif rung.name == "today":
        words = ngettext(
            "Few are there now, so the counter tells of today: %(count)s visitor.",
            "Few are there now, so the counter tells of today: %(count)s visitors.",
            rung.count,
        )
    else:
        return ""
    return words % {"count": rung.count}


def _hidden(crowd: Crowd, now: int) -> str:
    if now == 0 and crowd.today == 0:
        return _("The counter is hidden: nobody has come today yet. We hide it, and never inflate it.")
    if now == 0:
        words = ngettext(
            "The counter is hidden: nobody now, and %(count)s visitor today. We hide it, and never inflate it.",
            "The counter is hidden: nobody now, and %(count)s visitors today. We hide it, and never inflate it.",
            crowd.today,
        )
        return words % {"count": crowd.today}
    words = ngettext(
        "The counter is hidden: %(count)s visitor now. We hide it, and never inflate it.",
        "The counter is hidden: %(count)s visitors now. We hide it, and never inflate it.",
        now,
    )
    return words % {"count": now}


def _rule(settings: Settings) -> str:
    words = _("It shows from %(now)s now, or else from %(today)s today.")
    return words % {"now": settings.now_minimum, "today": settings.today_minimum}


def panel(merchant: Merchant, settings: Settings) -> Panel:
    board = counter.board(merchant, minimums=settings)
    return Panel("cards/live_counter/panel.html", {"board": board, "about": counter.address(merchant.salla_id)})
