"""Who of a store's team is told what, in which language, and the address that ends the digest."""

from collections.abc import Collection

from django.conf import settings
from django.db.models import QuerySet

from core import addresses, links
from core.models import NUMBERS_DOMAIN, Membership, Merchant, User
from features.selectors import language_of
from notifications.models import MailChoice

PLACE = "notifications.digest"


def choice_of(merchant: Merchant, user: User) -> MailChoice:
    return merchant.mail_choices.filter(user=user).first() or MailChoice(merchant=merchant, user=user)


def address_of(user: User) -> str:
    """Empty for somebody of whom Salla told us a number and no address."""
    return "" if user.is_known_by_number else user.email


def recipients(merchant: Merchant, roles: Collection[str], *, is_digest: bool) -> QuerySet[Membership]:
    """Without those of whom Salla told us a number and no address."""
    members = merchant.memberships.filter(role__in=roles, user__is_active=True).select_related("user")
    members = members.exclude(user__email__endswith=f"@{NUMBERS_DOMAIN}")
    if is_digest:
        members = members.exclude(user__in=merchant.mail_choices.filter(wants_digest=False).values("user"))
    return members


def mail_language(merchant: Merchant, user: User | None) -> str:
    """None is the contact of the app's form."""
    chosen = choice_of(merchant, user).language if user else ""
    return chosen if chosen in dict(settings.LANGUAGES) else language_of(merchant)


def unsubscribe_address(merchant: Merchant, user: User) -> str:
    token = links.seal(PLACE, str(merchant.public_id), user.pk)
    return addresses.public("notifications:unsubscribe", token)


def subscription_of(token: str) -> tuple[Merchant, User] | None:
    """Whose digest this address ends; it does not expire, because the mail does not. None for a forged one."""
    match links.unseal(PLACE, token):
        case [str(public_id), int(pk)]:
            pass
        case _:
            return None
    member = (
        Membership.objects.filter(merchant__public_id=public_id, user=pk).select_related("merchant", "user").first()
    )
    return (member.merchant, member.user) if member else None
