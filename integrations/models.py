"""Salla's side of a store: its connection, every delivery received, and the mirror of what the store holds."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.constraints import SameMerchant
from core.fields import EncryptedBytesField, EncryptedTextField
from core.models import Merchant, MerchantOwned
from core.work import Work
from integrations.billing import AppSettings, Standing, Subscription
from integrations.mirrored import Mirrored

__all__ = [
    "AppSettings",
    "Cart",
    "Connection",
    "Customer",
    "DeadDelivery",
    "DeadPurge",
    "DeadSync",
    "Delivery",
    "Mirrored",
    "Order",
    "Product",
    "Purge",
    "Standing",
    "Subscription",
    "Sync",
]


class Connection(MerchantOwned):
    """The app's installation in a store, and its tokens."""

    class State(models.TextChoices):
        INSTALLED = "installed", _("Installed, no tokens yet")
        CONNECTED = "connected", _("Connected")
        NEEDS_REINSTALL = "needs_reinstall", _("Needs re-installation")
        UNINSTALLED = "uninstalled", _("Uninstalled")

    merchant = models.OneToOneField(
        Merchant, on_delete=models.CASCADE, related_name="connection", verbose_name=_("store")
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.INSTALLED)
    access_token = EncryptedTextField(_("access token"), null=True, editable=False)
    refresh_token = EncryptedTextField(_("refresh token"), null=True, editable=False)
    expires_at = models.DateTimeField(_("access token expires"), null=True, editable=False)
    token_life = models.DurationField(_("life of the access token"), null=True, editable=False)
    refresh_started_at = models.DateTimeField(_("refresh started"), null=True, editable=False)
    scopes = models.TextField(_("scopes"), blank=True)
    store_read_at = models.DateTimeField(_("store information read"), null=True, editable=False)
    # Salla's times, so that late and repeated events change nothing.
    installed_at = models.DateTimeField(
        _("installed"), null=True, help_text=_("The latest moment at which Salla called it installed.")
    )
    authorized_at = models.DateTimeField(_("authorized"), null=True)
    uninstalled_at = models.DateTimeField(_("uninstalled"), null=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")

    def __str__(self) -> str:
        return f"{self.merchant} · {self.get_state_display()}"


# States of a store that never had us, or has us no more.
ABSENT = {None, Connection.State.UNINSTALLED}


class Sync(Work, MerchantOwned):
    """One reading of Salla's API for a store, in steps: everything of a kind page by page, or one small thing.

    A row is a run; what it counted stays. `core.work.drain_steps` drives it, `integrations.sync` knows the steps.
    """

    class Kind(models.TextChoices):
        STORE = "store", _("Store information")
        PRODUCTS = "products", _("Products")
        CUSTOMERS = "customers", _("Customers")
        ORDERS = "orders", _("Orders")
        CARTS = "carts", _("Abandoned carts")
        ORDER = "order", _("One order")
        TOKENS = "tokens", _("Tokens")
        PLANS = "plans", _("Plans")

    class Purpose(models.TextChoices):
        FIRST = "first", _("First reading")
        CHECK = "check", _("Check")
        UPKEEP = "upkeep", _("Upkeep")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="syncs", verbose_name=_("store"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    purpose = models.CharField(_("purpose"), max_length=12, choices=Purpose)
    subject = models.BigIntegerField(_("number at Salla"), default=0)  # of the one thing that it is about
    since = models.DateTimeField(_("from"), null=True)
    page = models.PositiveIntegerField(_("next page"), default=1)
    pages = models.PositiveIntegerField(_("pages"), default=0)
    pending = models.JSONField(default=list, editable=False)  # orders of the pages read whose details are not
    total = models.PositiveIntegerField(_("total"), null=True)
    read = models.PositiveIntegerField(_("read"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    repaired = models.PositiveIntegerField(_("repaired"), default=0)
    changed = models.PositiveIntegerField(_("changed"), default=0)
    detail = models.CharField(_("last error"), max_length=300, blank=True)  # for staff; `reason` is for the merchant
    created_at = models.DateTimeField(_("created"), default=clock.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta(Work.Meta):
        verbose_name = _("reading of a store")
        verbose_name_plural = _("readings of stores")
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "purpose", "subject"],
                condition=models.Q(state="waiting"),
                name="integrations_sync_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.merchant_id}"


class DeadSync(Sync):
    """Readings that were given up, for the admin."""

    class Meta:
        proxy = True
        verbose_name = _("dead reading of a store")
        verbose_name_plural = _("dead readings of stores")


class Purge(Work, MerchantOwned):
    """The deletion of a left store's personal data, on a stated date; what it counted is its proof."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="purges", verbose_name=_("store"))
    planned_at = models.DateTimeField(_("personal data is deleted"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    counts = models.JSONField(_("counts"), default=dict)

    class Meta(Work.Meta):
        verbose_name = _("deletion of a store's personal data")
        verbose_name_plural = _("deletions of stores' personal data")
        constraints = [
            models.UniqueConstraint(
                fields=["merchant"], condition=models.Q(state="waiting"), name="integrations_purge_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} · {self.planned_at:%Y-%m-%d}"


class DeadPurge(Purge):
    """Deletions that were given up, for the admin: somebody must look at each."""

    class Meta:
        proxy = True
        verbose_name = _("dead deletion of a store's personal data")
        verbose_name_plural = _("dead deletions of stores' personal data")


class Delivery(Work):
    """One webhook as it arrived. The body is encrypted and dropped after 30 days; its hash stays, and stops repeats."""

    body_sha256 = models.BinaryField(max_length=32, unique=True, editable=False)
    body = EncryptedBytesField(null=True, editable=False)
    size = models.PositiveIntegerField(_("bytes"))
    received_at = models.DateTimeField(_("received"), db_index=True)
    # Known once the body is read.
    event = models.CharField(_("event"), max_length=100, blank=True)
    store_id = models.BigIntegerField(_("Salla id"), null=True)
    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, null=True, related_name="deliveries", verbose_name=_("store")
    )
    sent_at = models.DateTimeField(_("sent"), null=True)

    class Meta(Work.Meta):
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")

    def __str__(self) -> str:
        return f"{self.event or '?'} {self.received_at:%Y-%m-%d %H:%M:%S}"


class DeadDelivery(Delivery):
    """Deliveries that were given up, for the admin."""

    class Meta:
        proxy = True
        verbose_name = _("dead delivery")
        verbose_name_plural = _("dead deliveries")


class Customer(Mirrored):
    """A shopper whom Salla knows. Facts name it by `salla_id` alone, so that a person can be erased here."""

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="customers", verbose_name=_("store"))
    name = models.CharField(_("name"), max_length=200, blank=True)
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    phone = models.CharField(_("phone"), max_length=16, blank=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=100, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    is_notifications_enabled = models.BooleanField(
        _("notifications on at Salla"), null=True, help_text=_("False or unknown forbids marketing.")
    )
    erased_at = models.DateTimeField(_("erased"), null=True)

    PERSONAL = ("name", "email", "phone", "city", "country", "language")

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        indexes = [
            models.Index(fields=["merchant", "email"], name="integrations_customer_by_email"),
            models.Index(fields=["merchant", "phone"], name="integrations_customer_by_phone"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "salla_id"], name="integrations_customer_once"),
            models.UniqueConstraint(fields=["merchant", "id"], name="integrations_customer_of_merchant"),
        ]

    def __str__(self) -> str:
        return self.name or str(self.salla_id)

    @property
    def withheld(self) -> frozenset[str]:
        return frozenset(self.PERSONAL if self.erased_at else ())


class Cart(Mirrored):
    """A cart that was left, or into which a coupon was put. Amounts are in `currency`."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        PURCHASED = "purchased", _("Purchased")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="carts", verbose_name=_("store"))
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, related_name="carts", verbose_name=_("customer")
    )
    status = models.CharField(_("status"), max_length=12, choices=Status, blank=True)
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2, null=True)
    subtotal = models.DecimalField(_("subtotal"), max_digits=14, decimal_places=2, null=True)
    discount = models.DecimalField(_("discount"), max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    coupon_code = models.CharField(_("coupon code"), max_length=64, blank=True)
    checkout_url = models.CharField(_("checkout address"), max_length=500, blank=True)
    items = models.JSONField(_("items"), default=list)  # [{product_id, quantity}]
    started_at = models.DateTimeField(_("started"), null=True)

    class Meta:
        verbose_name = _("cart")
        verbose_name_plural = _("carts")
        constraints = [
            models.UniqueConstraint(fields=["merchant", "salla_id"], name="integrations_cart_once"),
            SameMerchant(field="customer", name="integrations_cart_same_merchant"),
        ]

    def __str__(self) -> str:
        return str(self.salla_id)


class Order(Mirrored):
    """An order. Amounts are in `currency`."""

    class Status(models.TextChoices):
        """Slugs of Salla's own statuses; a store can add others, which are kept as they come."""

        PAYMENT_PENDING = "payment_pending", _("Waiting for payment")
        UNDER_REVIEW = "under_review", _("Waiting for review")
        IN_PROGRESS = "in_progress", _("Being prepared")
        COMPLETED = "completed", _("Completed")
        DELIVERING = "delivering", _("Out for delivery")
        DELIVERED = "delivered", _("Delivered")
        SHIPPED = "shipped", _("Shipped")
        CANCELED = "canceled", _("Canceled")
        RESTORED = "restored", _("Returned")
        RESTORING = "restoring", _("Being returned")

    class PaymentMethod(models.TextChoices):
        """Salla's slugs; others are kept as they come."""

        MADA = "mada", _("mada")
        CREDIT_CARD = "credit_card", _("Credit card")
        APPLE_PAY = "apple_pay", _("Apple Pay")
        STC_PAY = "stc_pay", _("STC Pay")
        BANK = "bank", _("Bank transfer")
        COD = "cod", _("Cash on delivery")
        TABBY = "tabby_installment", _("Tabby")
        TAMARA = "tamara_installment", _("Tamara")
        PAYPAL = "paypal", _("PayPal")
        FREE = "free", _("Free")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="orders", verbose_name=_("store"))
    reference_id = models.BigIntegerField(_("order number"), null=True)
    customer = models.ForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, related_name="orders", verbose_name=_("customer")
    )
    status = models.CharField(_("status"), max_length=64, choices=Status, blank=True)
    payment_method = models.CharField(_("payment method"), max_length=64, choices=PaymentMethod, blank=True)
    is_pending_payment = models.BooleanField(_("payment pending"), null=True)
    is_draft = models.BooleanField(_("draft"), default=False)
    is_refunded = models.BooleanField(_("refunded"), default=False)
    is_deleted = models.BooleanField(_("deleted"), default=False)
    total = models.DecimalField(_("total"), max_digits=14, decimal_places=2, null=True)
    subtotal = models.DecimalField(_("subtotal"), max_digits=14, decimal_places=2, null=True)
    shipping_cost = models.DecimalField(_("shipping"), max_digits=14, decimal_places=2, null=True)
    discount = models.DecimalField(_("discount"), max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    coupon_codes = models.JSONField(_("coupon codes"), default=list)
    source = models.CharField(_("source"), max_length=64, blank=True)
    cart_salla_id = models.BigIntegerField(_("cart"), null=True)
    city = models.CharField(_("city"), max_length=100, blank=True)
    country = models.CharField(_("country"), max_length=100, blank=True)
    items = models.JSONField(_("items"), default=list)  # [{product_id, name, quantity, total}]
    placed_at = models.DateTimeField(_("placed"), null=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        indexes = [models.Index(fields=["merchant", "placed_at"], name="integrations_order_by_time")]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "salla_id"], name="integrations_order_once"),
            SameMerchant(field="customer", name="integrations_order_same_merchant"),
        ]

    def __str__(self) -> str:
        return str(self.reference_id or self.salla_id)

    @property
    def is_known(self) -> bool:
        """Some body said more than its number; thin ones say no status or no total."""
        return bool(self.status) and self.total is not None

    @property
    def is_canceled(self) -> bool:
        return self.status == self.Status.CANCELED

    @property
    def is_paid(self) -> bool:
        """Money is certain: paid online, transfer accepted, or cash on delivery that was delivered."""
        if self.is_draft or self.is_deleted or self.is_refunded or self.is_canceled:
            return False
        status = self.Status
        if self.payment_method == self.PaymentMethod.COD:
            return self.status in {status.DELIVERED, status.COMPLETED}
        if self.payment_method == self.PaymentMethod.BANK:
            fulfilling = {status.IN_PROGRESS, status.DELIVERING, status.SHIPPED}
            return self.status in fulfilling | {status.DELIVERED, status.COMPLETED}
        return self.is_pending_payment is False and self.status not in {"", status.PAYMENT_PENDING}

    @property
    def is_confirmed(self) -> bool:
        """A purchase that may be called one: paid, or cash on delivery that the store has taken up.

        A COD order is placed with one tap and often never meant; the merchant's first step after his review is his
        own word that he believes it. A status of the store's own making says nothing; what comes back is no purchase.
        """
        status = self.Status
        if self.status in {status.RESTORING, status.RESTORED}:
            return False
        if self.payment_method != self.PaymentMethod.COD:
            return self.is_paid
        taken_up = {status.IN_PROGRESS, status.SHIPPED, status.DELIVERING, status.DELIVERED, status.COMPLETED}
        return self.status in taken_up and not (self.is_draft or self.is_deleted or self.is_refunded)


class Product(Mirrored):
    """A product; `price` is before any sale, which is on where `sale_price` is above 0 and below it."""

    class Status(models.TextChoices):
        SALE = "sale", _("For sale")
        OUT = "out", _("Sold out")
        HIDDEN = "hidden", _("Hidden")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="products", verbose_name=_("store"))
    name = models.CharField(_("name"), max_length=255, blank=True)
    sku = models.CharField(_("SKU"), max_length=100, blank=True)
    status = models.CharField(_("status"), max_length=16, choices=Status, blank=True)
    is_available = models.BooleanField(_("available"), null=True)
    is_deleted = models.BooleanField(_("deleted"), default=False)
    quantity = models.IntegerField(_("quantity"), null=True)
    price = models.DecimalField(_("price"), max_digits=14, decimal_places=2, null=True)
    sale_price = models.DecimalField(_("sale price"), max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    url = models.CharField(_("address"), max_length=500, blank=True)
    image_url = models.CharField(_("picture"), max_length=500, blank=True)
    category_names = models.JSONField(_("categories"), default=list, db_default=[])

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [models.UniqueConstraint(fields=["merchant", "salla_id"], name="integrations_product_once")]

    def __str__(self) -> str:
        return self.name or str(self.salla_id)
