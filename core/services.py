"""The people of a store: who joins, as what, and who leaves."""

import logging
import smtplib

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_noop

from core import activity, addresses, mail
from core.limiter import Limit
from core.models import NUMBERS_DOMAIN, Membership, Merchant, SallaPerson, User

log = logging.getLogger(__name__)

Role = Membership.Role
# Closed without Redis: each time sends an e-mail to an address that somebody typed.
INVITATIONS = Limit("team:invitations", 20, 86_400)


def _role_in_words(role: str) -> str:
    return str(Role(role).label) if role in Role.values else role


INSTALLED = activity.declare(
    "member.installed",
    gettext_noop("%(whom)s installed Nomo Flow and joined as %(detail)s"),
    detail=_role_in_words,
)
JOINED = activity.declare(
    "member.joined", gettext_noop("%(whom)s opened Nomo Flow in Salla and joined as %(detail)s"), detail=_role_in_words
)
INVITED = activity.declare(
    "member.invited", gettext_noop("%(who)s invited %(whom)s as %(detail)s"), detail=_role_in_words
)
ROLE_CHANGED = activity.declare(
    "member.role_changed", gettext_noop("%(who)s changed the role of %(whom)s to %(detail)s"), detail=_role_in_words
)
SETTLED = activity.declare(
    "member.settled",
    gettext_noop("The role of %(whom)s became %(detail)s, because Salla named the owner of the store"),
    detail=_role_in_words,
)
REMOVED = activity.declare("member.removed", gettext_noop("%(who)s removed %(whom)s from the team"))


class AlreadyMemberError(Exception):
    """That person is in the team."""


class LastOwnerError(Exception):
    """A store always has an owner."""


def welcome_installer(
    merchant: Merchant, *, email: str, name: str, role: Role, salla_user_id: int | None = None
) -> Membership | None:
    """Let the person who installed the app in. Proves nothing about who asks: signing in still needs the mailbox.

    Whoever is owner only because nobody else was makes way for the owner whom Salla names. None for somebody whom an
    owner removed from this store: only an owner brings him back.
    """
    with transaction.atomic():
        Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        known = _known_person(merchant, salla_user_id)
        user = _introduce(merchant, known, email=email, name=name, role=role)
        if _was_removed(merchant, user) or (known and _was_removed(merchant, known.user)):
            return None
        if salla_user_id is not None:
            merchant.salla_people.update_or_create(salla_user_id=salla_user_id, defaults={"user": user})
        member, is_new = merchant.memberships.get_or_create(user=user, defaults={"role": role})
        if is_new:
            activity.note(merchant, INSTALLED, user=None, whom=user, detail=role.value)
        if role == Role.OWNER and user.is_active:
            _make_way(merchant, member)
    return member


def welcome_from_salla(merchant: Merchant, *, salla_user_id: int) -> Membership | None:
    """The membership of somebody whom Salla let into the store's app. Salla tells his number and nothing else.

    Whoever is new works as an editor, and as the owner where the team has none. None for somebody whom an owner
    removed, and for accounts that do not sign in this way (`core.signin.people`).
    """
    with transaction.atomic():
        Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
        known = _known_person(merchant, salla_user_id)
        user = known.user if known else _person(f"{salla_user_id}@{NUMBERS_DOMAIN}")
        if not user.is_active or user.is_staff or user.is_superuser:
            return None
        held = merchant.memberships.select_related("user", "merchant").filter(user=user).first()
        if held is not None or _was_removed(merchant, user):
            return held
        merchant.salla_people.get_or_create(salla_user_id=salla_user_id, defaults={"user": user})
        has_owner = merchant.memberships.filter(role=Role.OWNER, user__is_active=True).exists()
        role = Role.EDITOR if has_owner else Role.OWNER
        activity.note(merchant, JOINED, user=None, whom=user, detail=role.value)
        return merchant.memberships.create(user=user, role=role)


def _known_person(merchant: Merchant, salla_user_id: int | None) -> SallaPerson | None:
    if salla_user_id is None:
        return None
    return merchant.salla_people.select_related("user").filter(salla_user_id=salla_user_id).first()


def _introduce(merchant: Merchant, known: SallaPerson | None, *, email: str, name: str, role: Role) -> User:
    """The account of this address. Whoever came before, known by his number, is it from now on, as what Salla says."""
    if known is None or not known.user.is_known_by_number:
        return _person(email, name=name)
    held = merchant.memberships.filter(user=known.user)
    email = email.strip().lower()
    if not User.objects.filter(email=email).exists():
        User.objects.filter(pk=known.user_id).update(email=email, name=name)
        held.update(role=role)
        return _person(email)
    user = _person(email)
    if merchant.memberships.filter(user=user).exists():
        held.delete()
    held.update(user=user, role=role)
    return user


def _make_way(merchant: Merchant, named: Membership) -> None:
    """Owners whom `welcome_from_salla` made, and no person since, edit from now on; nobody else's role changes.

    If the one whom Salla named had joined as less, and this leaves no other owner, he becomes it.
    """
    by_people = merchant.activities.filter(what=ROLE_CHANGED, detail=Role.OWNER, whom=OuterRef("user"))
    owners = merchant.memberships.filter(role=Role.OWNER, user__is_active=True)
    by_default = owners.filter(~Exists(by_people), user__email__endswith=f"@{NUMBERS_DOMAIN}").exclude(pk=named.pk)
    made_way = list(by_default.select_related("user"))
    for held in made_way:
        _settle(merchant, held, Role.EDITOR)
    if made_way and not owners.exists():
        _settle(merchant, named, Role.OWNER)


def _settle(merchant: Merchant, held: Membership, role: Role) -> None:
    held.role = role
    held.save(update_fields=["role"])
    activity.note(merchant, SETTLED, user=None, whom=held.user, detail=role.value)


def _was_removed(merchant: Merchant, user: User) -> bool:
    return merchant.activities.filter(what=REMOVED, whom=user).exists()


def invite(merchant: Merchant, *, by: User, email: str, role: Role, language: str) -> bool:
    """Let a person in and tell him by e-mail; False when the e-mail could not be sent. Raises `AlreadyMemberError`."""
    with transaction.atomic():
        user = _person(email)
        _, is_new = merchant.memberships.get_or_create(user=user, defaults={"role": role})
        if not is_new:
            raise AlreadyMemberError
        activity.note(merchant, INVITED, user=by, whom=user, detail=role.value)
    context = {
        "address": addresses.public("core:sign-in"),
        "store": str(merchant),
        "inviter": by.shown_name,
        "role": role.label,
    }
    try:
        mail.send(to=user.email, template="invitation", context=context, language=language)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("invitation of person %s not sent: %s", user.pk, type(error).__name__)
        return False
    return True


def change_role(merchant: Merchant, *, by: User, member: Membership, role: Role) -> None:
    """Raises `LastOwnerError`."""
    with transaction.atomic():
        held = _locked(merchant, member, keeps_owner=role == Role.OWNER)
        if held is None or held.role == role:
            return
        held.role = role
        held.save(update_fields=["role"])
        activity.note(merchant, ROLE_CHANGED, user=by, whom=held.user, detail=role.value)


def remove(merchant: Merchant, *, by: User, member: Membership) -> None:
    """Raises `LastOwnerError`."""
    with transaction.atomic():
        held = _locked(merchant, member, keeps_owner=False)
        if held is not None:
            activity.note(merchant, REMOVED, user=by, whom=held.user)
            held.delete()


def disband(merchant: Merchant) -> int:
    """Delete who was in the team of a store that left, and what they did; returns how many accounts went with it.

    An account that another store's team has, or that is staff's, stays.
    """
    with transaction.atomic():
        people = set(merchant.memberships.values_list("user", flat=True))
        people |= set(merchant.activities.values_list("user", flat=True)) | set(
            merchant.activities.values_list("whom", flat=True)
        )
        people |= set(merchant.salla_people.values_list("user", flat=True))
        merchant.activities.all().delete()
        merchant.salla_people.all().delete()
        merchant.memberships.all().delete()
        lonely = User.objects.filter(pk__in=people - {None}, memberships=None, is_staff=False)
        return lonely.delete()[1].get(User._meta.label, 0)


def _locked(merchant: Merchant, member: Membership, *, keeps_owner: bool) -> Membership | None:
    """The member as he is now, while nobody else changes this team; None when he left."""
    Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
    held = merchant.memberships.select_related("user").filter(pk=member.pk).first()
    if held is None or keeps_owner or held.role != Role.OWNER:
        return held
    if not merchant.memberships.filter(role=Role.OWNER, user__is_active=True).exclude(pk=held.pk).exists():
        raise LastOwnerError
    return held


def _person(email: str, *, name: str = "") -> User:
    """The account of this address, made if new; nothing in an account that is there is changed."""
    email = email.strip().lower()
    user, _is_new = User.objects.get_or_create(
        email=email,
        defaults={"name": name, "password": make_password(None)},  # one that nothing matches
    )
    return user
