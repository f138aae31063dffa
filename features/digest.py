"""The cards in the weekly digest: which are on, and whether the store really shows them."""

from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from redis import RedisError

from core import clock, digest
from core.digest import Line, Part, Week
from core.models import Merchant
from features import seen, selectors


@digest.part
def cards(merchant: Merchant, week: Week) -> Part:
    """No news by itself: a week in which nothing was sold is not told because a card is on."""
    tiles = [tile for _category, group in selectors.grid(merchant) for tile in group if tile.is_on]
    lines = [Line(str(tile.card.name), str(tile.missing or _("Running"))) for tile in tiles]
    if lines:
        lines.append(
            Line(
                _("The script in your store"),
                _script(merchant),
                _("When a page of your store last asked for its tools."),
            )
        )
    return Part(_("Your tools"), lines or [Line(_("No tool is on"), "—")], is_news=False)


def _script(merchant: Merchant) -> str:
    try:
        at = seen.last(merchant.salla_id)
    except RedisError:
        return _("not known right now")
    if at is None:
        return _("not seen for a month")
    return _("seen %(time)s ago") % {"time": timesince(at, clock.now())}
