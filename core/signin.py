"""Signing in by a one-time link that goes by e-mail: who may, the link, and its single use."""

import hashlib
import logging
import secrets
import smtplib
import time
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import login
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from core import addresses, clock, mail
from core.access import BOUND_TO
from core.limiter import Limit
from core.middleware import SIGNED_IN_ON
from core.models import NUMBERS_DOMAIN, Membership, Merchant, SignInLink, User

log = logging.getLogger(__name__)

BACKEND = "django.contrib.auth.backends.ModelBackend"
LIFETIME = timedelta(minutes=15)
# Of a link that is given on a page: it is followed at once or not at all.
WINDOW_LIFETIME = timedelta(minutes=5)
# Salla lets people in again whenever they open the app; whoever it no longer lets in is out after this long.
BOUND_SESSION = timedelta(hours=12)
# Used and expired links are deleted after this long.
KEEP_LINKS = timedelta(days=1)
# No answer comes sooner, so that the time that a mail takes does not tell who is known.
ANSWER_SECONDS = 0.6
LONGEST_PATH = 500

# Closed without Redis: each time may send somebody an e-mail.
BY_SENDER = Limit("sign-in:sender", 20, 3600)
BY_MINUTE = Limit("sign-in:minute", 1, 60)
BY_HOUR = Limit("sign-in:hour", 5, 3600)
# Open without Redis: nobody guesses 256 bits.
WRONG_LINKS = Limit("sign-in:wrong-links", 20, 3600, is_open_without_redis=True)


class MailDownError(Exception):
    """No e-mail can be sent now, whoever asks."""


def people() -> QuerySet[User]:
    """Who may sign in by link: active people of a store. Staff use their password, in the admin."""
    member = Membership.objects.filter(user=OuterRef("pk"))
    return User.objects.filter(Exists(member), is_active=True, is_staff=False, is_superuser=False)


def seconds_to_wait(email: str, sender: str) -> float:
    """Count one request of `sender` for a link to `email`; 0, or how long to wait. The same for unknown addresses."""
    return BY_SENDER.take(sender) or BY_MINUTE.take(email) or BY_HOUR.take(email)


def request_link(email: str, *, language: str, next_path: str = "") -> None:
    """Send a link to `email` if a person signs in with it. Raises `MailDownError`, for unknown addresses too."""
    began = time.monotonic()
    connection = get_connection()
    try:
        connection.open()
        user = people().exclude(email__endswith=f"@{NUMBERS_DOMAIN}").filter(email=email.strip().lower()).first()
        if user is not None:
            _send_link(user, connection, language=language, next_path=next_path)
        connection.close()
    except (smtplib.SMTPException, OSError) as error:
        log.warning("sign-in: no e-mail goes out: %s", type(error).__name__)
        raise MailDownError from error
    time.sleep(max(0.0, ANSWER_SECONDS - (time.monotonic() - began)))


def _send_link(user: User, connection: BaseEmailBackend, *, language: str, next_path: str) -> None:
    token, link = _new_link(user, LIFETIME, next_path=safe_path(next_path))
    address = address_of(token)
    context = {"address": address, "minutes": int(LIFETIME.total_seconds() // 60)}
    try:
        mail.send(to=user.email, template="sign_in", context=context, language=language, connection=connection)
    except smtplib.SMTPRecipientsRefused:  # one address only: an error of its own would tell that it is known
        log.warning("sign-in: the address of person %s is refused", user.pk)
        link.delete()
    except (smtplib.SMTPException, OSError):
        link.delete()
        raise


def _new_link(user: User, lifetime: timedelta, **fields: Any) -> tuple[str, SignInLink]:
    now = clock.now()
    SignInLink.objects.filter(expires_at__lt=now - KEEP_LINKS).delete()
    token = secrets.token_urlsafe(32)
    return token, user.sign_in_links.create(token_sha256=_hash(token), expires_at=now + lifetime, **fields)


def link_to_store(member: Membership, *, until: datetime | None = None) -> str:
    """The token of a one-time link for this person and this store only; for whoever was let in a moment ago.

    Its session ends at `until`, when the session that asks for it does; half a day from now if nothing is given.
    """
    now = clock.now()
    ends_at = until or now + BOUND_SESSION
    lifetime = min(WINDOW_LIFETIME, ends_at - now)
    return _new_link(member.user, lifetime, merchant=member.merchant, session_ends_at=ends_at)[0]


def address_of(token: str) -> str:
    """Where the link is opened: at our own address, outside of any frame."""
    return addresses.public("core:sign-in-link", token)


def open_session(
    request: HttpRequest, user: User, merchant: Merchant | None = None, *, until: datetime | None = None
) -> None:
    """Sign the person in; with a `merchant`, for that store only and until `until`, or for half a day.

    Whoever is in already, for all of his stores, stays so.
    """
    is_whole = merchant is None or (request.user == user and BOUND_TO not in request.session)
    request.session.pop(SIGNED_IN_ON, None)  # the same person signing in again begins anew
    login(request, user, backend=BACKEND)
    if is_whole and request.session.pop(BOUND_TO, None) is not None:
        request.session.set_expiry(None)
    if not is_whole and merchant is not None:
        request.session[BOUND_TO] = merchant.pk
        request.session.set_expiry(until or clock.now() + BOUND_SESSION)


def find(token: str) -> SignInLink | None:
    """The link, while it may still be used. Reading it uses nothing up."""
    return _live(token).select_related("user", "merchant").first()


def use(token: str) -> SignInLink | None:
    """Use the link up, and the person's others of its kind; None for whoever comes second, or too late."""
    now = clock.now()
    with transaction.atomic():
        link = find(token)
        if link is None:
            return None
        User.objects.select_for_update(no_key=True).get(pk=link.user_id)  # two links of one person wait for each other
        if _live(token).update(used_at=now) != 1:
            return None
        link.user.sign_in_links.filter(used_at=None, merchant=link.merchant_id).update(used_at=now)
    return link


def _live(token: str) -> QuerySet[SignInLink]:
    is_member = Exists(Membership.objects.filter(user=OuterRef("user"), merchant=OuterRef("merchant")))
    return SignInLink.objects.filter(
        Q(merchant=None) | is_member,
        token_sha256=_hash(token),
        used_at=None,
        expires_at__gt=clock.now(),
        user__in=people(),
    )


def _hash(token: str) -> bytes:
    """The token has 256 random bits, so that a plain hash of it cannot be turned back."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def safe_path(path: str) -> str:
    """The path if it leads into this app, else nothing."""
    is_ours = (
        path.startswith("/") and not path.startswith("//") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
    )
    return path if is_ours and len(path) <= LONGEST_PATH and path.isprintable() else ""
