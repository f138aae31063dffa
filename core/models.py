"""People, stores, who may act for which store, and the base of everything that belongs to a store."""

import uuid
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from core import clock

# In place of an e-mail address: `<number at Salla>@` this domain, which by its nature receives nothing (RFC 2606).
NUMBERS_DOMAIN = "salla.invalid"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: object) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in by e-mail: a merchant's team member, or our staff."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("May enter the admin."))
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("joined"), default=clock.now, editable=False)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="core_user_email_is_lower_case")
        ]

    def __str__(self) -> str:
        return self.email

    @property
    def is_known_by_number(self) -> bool:
        """Salla told us this person's number and nothing else: no mail goes there (docs/adr/0008)."""
        return self.email.endswith(f"@{NUMBERS_DOMAIN}")

    @property
    def shown_name(self) -> str:
        """What other people of the team read; never the address that stands for a number."""
        if self.is_known_by_number and not self.name:
            return gettext("Salla account %(number)s") % {"number": self.email.partition("@")[0]}
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()


class MerchantQuerySet(models.QuerySet["Merchant"]):
    def live(self) -> "MerchantQuerySet":
        """Real shops: whatever is added up over stores leaves Salla's demo and development stores out."""
        return self.filter(store_type=Merchant.StoreType.LIVE)


class Merchant(models.Model):
    """One Salla store. `salla_id` is the number that webhooks and the storefront name it by."""

    class Plan(models.TextChoices):
        """Salla's plans, which set the API's rate limits (merchant-api, rate limits)."""

        BASIC = "basic", _("Basic")
        PLUS = "plus", _("Plus")
        PRO = "pro", _("Pro")
        SPECIAL = "special", _("Special")

    class StoreType(models.TextChoices):
        LIVE = "live", _("Live")
        DEMO = "demo", _("Demo")
        DEVELOPMENT = "development", _("Development")

    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    salla_id = models.BigIntegerField(_("Salla id"), unique=True)
    name = models.CharField(_("name"), max_length=200, blank=True)
    domain = models.CharField(_("domain"), max_length=255, blank=True)
    locale = models.CharField(_("language"), max_length=10, default="ar")
    time_zone = models.CharField(_("time zone"), max_length=64, default="Asia/Riyadh")
    currency = models.CharField(_("currency"), max_length=3, default="SAR")
    plan = models.CharField(_("Salla plan"), max_length=10, choices=Plan, default=Plan.BASIC)
    store_type = models.CharField(_("store type"), max_length=12, choices=StoreType, default=StoreType.LIVE)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)

    objects = MerchantQuerySet.as_manager()

    class Meta:
        verbose_name = _("store")
        verbose_name_plural = _("stores")

    def __str__(self) -> str:
        return self.name or str(self.salla_id)

    @property
    def zone(self) -> ZoneInfo:
        """Whose midnight ends its days and months; ours where Salla's name says nothing."""
        return clock.zone(self.time_zone)

    @property
    def place(self) -> str:
        """The city whose midnight that is, in the reader's language."""
        return get_timezone_location(self.zone.key, locale=get_language(), return_city=True)

    @property
    def today(self) -> date:
        return clock.now().astimezone(self.zone).date()

    def midnight(self, day: date) -> datetime:
        """When this day begins there."""
        return datetime.combine(day, time(), self.zone)

    @property
    def address(self) -> str:
        """Of its shop's first page, as Salla says it, which may be without `https://`; empty where it says none."""
        return self.domain if not self.domain or "://" in self.domain else f"https://{self.domain}"


class Membership(models.Model):
    """What a person may do in a store."""

    class Role(models.TextChoices):
        OWNER = "owner", _("Owner")
        EDITOR = "editor", _("Editor")
        VIEWER = "viewer", _("Viewer")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person"))
    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("store")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.VIEWER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["merchant", "user"], name="core_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.merchant} · {self.get_role_display()}"


class SignInLink(models.Model):
    """A one-time link for one person: e-mailed, or, with a `merchant`, given inside Salla and good for that store only.

    Only the hash of its token is kept.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links", verbose_name=_("person"))
    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, null=True, related_name="sign_in_links", verbose_name=_("store")
    )
    token_sha256 = models.BinaryField(max_length=32, unique=True, editable=False)
    next_path = models.CharField(_("leads to"), max_length=500, blank=True)
    expires_at = models.DateTimeField(_("expires"), db_index=True)
    # When the session of such a link ends, however late the link is used: a bound session cannot prolong itself.
    session_ends_at = models.DateTimeField(_("session ends"), null=True)
    used_at = models.DateTimeField(_("used"), null=True)

    class Meta:
        verbose_name = _("sign-in link")
        verbose_name_plural = _("sign-in links")

    def __str__(self) -> str:
        return f"{self.user} {self.expires_at:%Y-%m-%d %H:%M}"


class DemoClock(models.Model):
    """One row: how far the sandbox's clock is ahead. Read by `core.clock` in sandbox mode only."""

    offset = models.DurationField(_("offset"), default=timedelta)

    class Meta:
        verbose_name = _("demo clock")
        verbose_name_plural = _("demo clock")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="core_demo_clock_is_one_row")]

    def __str__(self) -> str:
        return str(self.offset)


class MerchantOwned(models.Model):
    """A row of one store, reached as `merchant.<related_name>`.

    There is no `objects`. `unscoped` is for the few places that tests/test_laws.py lists: sweepers by id, retention,
    admin. Every subclass declares its own `merchant` key, unique together with `id` where other rows point at it.
    """

    unscoped = models.Manager()

    class Meta:
        abstract = True


class SallaPerson(MerchantOwned):
    """Who, among our people, one of the store's people at Salla is. It stays when he leaves the team."""

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="salla_people", verbose_name=_("store")
    )
    salla_user_id = models.BigIntegerField(_("number at Salla"))
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="salla_people", verbose_name=_("person"))

    class Meta:
        verbose_name = _("person at Salla")
        verbose_name_plural = _("people at Salla")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "salla_user_id"], name="core_salla_person_once"),
        ]

    def __str__(self) -> str:
        return f"{self.salla_user_id} · {self.user}"


class SpentToken(models.Model):
    """A token of Salla's dashboard that opened a session: it opens no second one. Only its hash is kept."""

    token_sha256 = models.BinaryField(max_length=32, primary_key=True)
    expires_at = models.DateTimeField(_("expires"), db_index=True)

    class Meta:
        verbose_name = _("spent token")
        verbose_name_plural = _("spent tokens")

    def __str__(self) -> str:
        return f"{self.expires_at:%Y-%m-%d %H:%M}"


class Activity(MerchantOwned):
    """What a person did in the dashboard of a store; `core.activity` says it in words."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="activities", verbose_name=_("store"))
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="activities", verbose_name=_("person")
    )
    what = models.CharField(_("what"), max_length=64)
    # To whom, when it was done to a person of the team.
    whom = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("to whom"))
    detail = models.CharField(_("detail"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"), default=clock.now)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        indexes = [models.Index(fields=["merchant", "-at"], name="core_activity_newest")]

    def __str__(self) -> str:
        return f"{self.what} {self.at:%Y-%m-%d %H:%M}"
