"""The kinds of alerts, whom each goes to, whether it still holds, and the way of one message to the mail server.

A new kind is an entry here, a handler that raises it when its fact comes, and two templates in `templates/mail/`.
"""

import logging
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import translation
from django.utils.translation import gettext_noop
from redis import RedisError

from core import addresses, clock, digest, mail, work
from core.models import Membership, Merchant, User
from features import registry, seen
from integrations import app_form
from integrations.models import ABSENT, Connection
from integrations.selectors import account
from notifications import selectors
from notifications.models import Alert, AlertMail

log = logging.getLogger(__name__)

Role = Membership.Role
CAN_ACT = (Role.OWNER, Role.EDITOR)

CONNECTED_AGAIN = gettext_noop("the store is connected again")
SEEN_AGAIN = gettext_noop("the script was seen meanwhile")
PLAN_CHANGED = gettext_noop("the plan or its use has changed")
NOT_NOW = gettext_noop("it does not hold at the moment, and is looked at again until the month ends")
LEFT = gettext_noop("the app was removed from the store")
NO_NEWS = gettext_noop("nothing happened that week")
NOBODY = gettext_noop("there is nobody to tell")
NOT_OF_TEAM = gettext_noop("this person is no longer in the team, or does not want it any more")
NO_SERVER = gettext_noop("the mail server did not answer")
REFUSED = gettext_noop("the mail server refused the message")
UNKNOWN = gettext_noop("not known whether it was sent; it is not sent twice")

# For a mail server that does not answer: then the message is old news.
WAITS, DIGEST_WAITS = timedelta(days=3), timedelta(days=1)
SERVER_PAUSE = 15 * 60.0
LOOK_AGAIN = 6 * 3600.0

# The server said no, in words: nothing went out.
REFUSALS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError)


@dataclass(frozen=True)
class Kind:
    """`refusal` says why it need not be told any more, or postpones it; `context` is asked in the reader's language."""

    roles: tuple[Role, ...]
    context: Callable[[Alert], dict[str, Any]]
    refusal: Callable[[Alert], str | None] = lambda alert: None
    is_digest: bool = False
    is_needed: bool = False  # the store stops without it: somebody must know


# Deciding


def address(alert: Alert) -> None:
    """Write one message for each person who is to know. Must run inside a transaction, as `work.drain` does."""
    kind = KINDS[Alert.Kind(alert.kind)]
    if reason := _refusal(alert, kind):
        raise work.IgnoredError(reason)
    members = selectors.recipients(alert.merchant, kind.roles, is_digest=kind.is_digest)
    users: list[User | None] = [member.user for member in members]
    if not users and kind.is_needed and app_form.contact_email(alert.merchant):
        users = [None]
    if not users:
        raise work.IgnoredError(NOBODY)
    mails = [AlertMail(merchant=alert.merchant, alert=alert, user=user) for user in users]
    alert.merchant.alert_mails.bulk_create(mails, ignore_conflicts=True)


def _refusal(alert: Alert, kind: Kind) -> str | None:
    if _connection_state(alert) in ABSENT:
        return LEFT
    return kind.refusal(alert)


def _connection_state(alert: Alert) -> str | None:
    """As it is now, and without opening the tokens: a team is told things also when no key opens those."""
    states = Merchant.objects.filter(pk=alert.merchant_id).values_list("connection__state", flat=True)
    return states.first()


# Sending


def send(row: AlertMail) -> bool:
    """One step, the only one. What the mail server may have taken is never given to it again."""
    if row.sent_at is not None:
        return True
    if row.started_at is not None:
        raise work.HopelessError(UNKNOWN)
    kind = KINDS[Alert.Kind(row.alert.kind)]
    to = _address_of(row, kind)
    if not to:
        raise work.IgnoredError(NOT_OF_TEAM)
    if reason := _refusal(row.alert, kind):
        raise work.IgnoredError(reason)
    message, language = _message(row, kind, to)
    message.connection = _opened(row, kind)
    try:
        _hand_over(row, message, language)
    finally:
        message.connection.close()
    _mark(row, sent_at=clock.now())
    return True


def _address_of(row: AlertMail, kind: Kind) -> str:
    """Empty for who is not to know it any more."""
    if row.user is None:
        return app_form.contact_email(row.merchant)
    members = selectors.recipients(row.merchant, kind.roles, is_digest=kind.is_digest)
    return row.user.email if members.filter(user=row.user).exists() else ""


def _message(row: AlertMail, kind: Kind, to: str) -> tuple[EmailMultiAlternatives, str]:
    """Whole, with its language: what fails here was given to nobody, and is tried again like any work."""
    language = selectors.mail_language(row.merchant, row.user)
    with translation.override(language):
        context = {**_frame(row), **kind.context(row.alert)}
    headers = _headers(row, context)
    template = f"alert_{row.alert.kind}"
    message = mail.message(to=to, template=template, context=context, language=language, headers=headers)
    return message, language


def _opened(row: AlertMail, kind: Kind) -> BaseEmailBackend:
    """Nothing was given to a server that does not answer, so that waiting for it risks no second message."""
    connection = get_connection()
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        log.warning("alerts: the mail server does not answer: %s", type(error).__name__)
        if clock.now() - row.created_at >= (DIGEST_WAITS if kind.is_digest else WAITS):
            raise work.HopelessError(NO_SERVER) from error
        raise work.PostponedError(NO_SERVER, SERVER_PAUSE) from error
    return connection


def _hand_over(row: AlertMail, message: EmailMultiAlternatives, language: str) -> None:
    _mark(row, started_at=clock.now(), language=language)
    try:
        message.send()
    except REFUSALS as error:
        _mark(row, started_at=None)
        raise work.FailedError(REFUSED) from error
    except (smtplib.SMTPException, OSError) as error:
        raise work.HopelessError(UNKNOWN) from error


def _mark(row: AlertMail, **columns: Any) -> None:
    with work.held(row.merchant.alert_mails.all(), row) as held:
        for column, value in columns.items():
            setattr(held, column, value)
        held.save(update_fields=columns)


def _frame(row: AlertMail) -> dict[str, Any]:
    merchant = row.merchant
    frame = {
        "store": str(merchant),
        "address": addresses.public("store-overview", merchant.public_id),
        "is_contact": row.user is None,
        "choices_address": addresses.public("notifications:choices", merchant.public_id),
    }
    if row.user is not None and row.alert.kind == Alert.Kind.DIGEST:
        frame["unsubscribe_address"] = selectors.unsubscribe_address(merchant, row.user)
    return frame


def _headers(row: AlertMail, context: dict[str, Any]) -> dict[str, str]:
    headers = {
        "Message-ID": mail.message_id(f"alert-{row.merchant.public_id}-{row.pk}"),
        "Auto-Submitted": "auto-generated",
    }
    if unsubscribe_address := context.get("unsubscribe_address"):
        headers |= mail.unsubscribe_headers(unsubscribe_address)
    return headers


# The kinds


def _still_broken(alert: Alert) -> str | None:
    return None if _connection_state(alert) == Connection.State.NEEDS_REINSTALL else CONNECTED_AGAIN


def _still_unseen(alert: Alert) -> str | None:
    try:
        at = seen.last(alert.merchant.salla_id)
    except RedisError:
        return None
    return SEEN_AGAIN if at is not None and at.isoformat() >= alert.data["on_at"] else None


def _unseen(alert: Alert) -> dict[str, Any]:
    card = registry.get(alert.data["slug"])
    return {"card": str(card.name) if card else alert.data["slug"], "store_address": alert.merchant.address}


def _sale(alert: Alert) -> dict[str, Any]:
    order = alert.merchant.orders.filter(salla_id=alert.data["order_id"]).first()
    total = order.total if order else None
    currency = (order.currency if order else "") or alert.merchant.currency
    return {
        "number": str(order or alert.data["order_id"]),
        "total": "" if total is None else mail.money(total, currency),
    }


def _plan(alert: Alert) -> dict[str, Any]:
    return {"account": account(alert.merchant)}


def _no_longer_paused(alert: Alert) -> str | None:
    """Events out of order may restrict a store for a moment."""
    return None if account(alert.merchant).is_restricted else PLAN_CHANGED


def _no_longer(what: str) -> Callable[[Alert], str | None]:
    """Refuses once the month is over or has another limit. What merely does not hold now waits: a canceled order may
    undo it, and the next may bring it back, of which no other fact tells.
    """

    def refusal(alert: Alert) -> str | None:
        use = account(alert.merchant)
        is_over = clock.now() >= datetime.fromisoformat(alert.data["month_ends_at"])
        if is_over or use.limit != alert.data["limit"]:
            return PLAN_CHANGED
        if not getattr(use, what):
            raise work.PostponedError(NOT_NOW, LOOK_AGAIN)
        return None

    return refusal


def _week_of(alert: Alert) -> digest.Week:
    return digest.week_until(date.fromisoformat(alert.data["until"]), alert.merchant.time_zone)


def _has_no_news(alert: Alert) -> str | None:
    return None if any(part.is_news for part in digest.parts(alert.merchant, _week_of(alert))) else NO_NEWS


def _week(alert: Alert) -> dict[str, Any]:
    week = _week_of(alert)
    language = translation.get_language()
    days = [format_date(day, "d MMMM", locale=language) for day in (week.begins.date(), week.last_day)]
    return {"first_day": days[0], "last_day": days[1], "parts": digest.parts(alert.merchant, week)}


KINDS = {
    Alert.Kind.DISCONNECTED: Kind((Role.OWNER,), lambda alert: {}, _still_broken, is_needed=True),
    Alert.Kind.SCRIPT_UNSEEN: Kind(CAN_ACT, _unseen, _still_unseen),
    Alert.Kind.FIRST_SALE: Kind(CAN_ACT, _sale),
    Alert.Kind.LIMIT_NEARED: Kind((Role.OWNER,), _plan, _no_longer("is_near"), is_needed=True),
    Alert.Kind.LIMIT_EXCEEDED: Kind((Role.OWNER,), _plan, _no_longer("is_over"), is_needed=True),
    Alert.Kind.RESTRICTED: Kind((Role.OWNER,), _plan, _no_longer_paused, is_needed=True),
    Alert.Kind.DIGEST: Kind(tuple(Role), _week, _has_no_news, is_digest=True),
}
