"""The store's own numbers in the weekly digest: those of the mirror, all of them, whoever brought them."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from core import digest, mail
from core.digest import Line, Part, Week
from core.models import Merchant
from integrations import selectors


@digest.part
def sales(merchant: Merchant, week: Week) -> Part:
    orders = list(selectors.counted_orders(merchant).filter(placed_at__gte=week.begins, placed_at__lt=week.ends))
    count = len(orders)
    paid = selectors.paid_sums(merchant, orders)
    sums = [mail.money(amount, currency) for currency, amount in paid.items()]
    lines = [
        Line(
            _("Orders"),
            number_format(count, use_l10n=True, force_grouping=True),
            _(
                "Placed from Sunday 00:00 to Saturday 24:00, %(place)s time. "
                "Canceled orders count; drafts and deleted ones do not."
            )
            % {"place": merchant.place},
        ),
        Line(
            _("Paid sales"),
            " + ".join(sums),
            _(
                "Totals, with shipping and tax, of those orders whose money is certain: paid online, bank transfer "
                "accepted, or cash on delivery already delivered. Canceled and refunded orders do not count. "
                "These are all sales of the store, not only those that Nomo Flow brought."
            ),
        ),
    ]
    return Part(_("Your store"), lines, is_news=count > 0)
