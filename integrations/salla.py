"""What other apps may ask of Salla for a store. Every function may raise `core.salla_errors.SallaError`.

None may be called inside a transaction (tokens), nor in a web request without need (Salla may take seconds).
"""

from functools import partial
from typing import Any

from core.models import Merchant
from core.salla_client import every
from core.salla_errors import InvalidError, UnavailableError
from integrations.api_payloads import (
    AppSettings,
    Coupon,
    CouponChange,
    CouponCodeRow,
    NewCoupon,
    SpecialOffer,
    Subscription,
    Webhook,
)
from integrations.clients import salla_for


def coupons(merchant: Merchant, *, keyword: str = "") -> list[Coupon]:
    """Those whose code or group name holds `keyword`; without it all that are not deleted."""
    read = partial(salla_for(merchant).coupons, keyword=keyword)
    return [Coupon.read(row) for row in every(read)]


def coupon(merchant: Merchant, coupon_id: int) -> Coupon:
    return Coupon.read(salla_for(merchant).coupon(coupon_id))


def create_coupon(merchant: Merchant, wanted: NewCoupon, *, is_repeat: bool = False) -> Coupon:
    """Create a coupon, once. Salla's writes are not idempotent, so an answer that got lost is looked up.

    Raises `UnavailableError` when it is not known whether it was created: call again later with `is_repeat`, which
    looks before it creates. A code that another coupon has is an `InvalidError`.
    """
    if is_repeat and (made := _made(merchant, wanted)):
        return made
    try:
        return Coupon.read(salla_for(merchant).create_coupon(wanted.body()))
    except (UnavailableError, InvalidError) as error:
        # A code that is taken may be taken by our own, whose answer got lost.
        is_unsure = isinstance(error, UnavailableError) or "code" in error.fields
        if is_unsure and (made := _made(merchant, wanted)):
            return made
        raise


def _made(merchant: Merchant, wanted: NewCoupon) -> Coupon | None:
    return next((found for found in coupons(merchant, keyword=wanted.code) if found.is_what(wanted)), None)


def change_coupon(merchant: Merchant, coupon_id: int, change: CouponChange) -> Coupon:
    """Only what is set in `change` changes, so that repeating it does no harm."""
    return Coupon.read(salla_for(merchant).update_coupon(coupon_id, change.body()))


def delete_coupon(merchant: Merchant, coupon_id: int) -> None:
    """Raises `NotFoundError` when it is gone already."""
    salla_for(merchant).delete_coupon(coupon_id)


def coupon_codes(merchant: Merchant, coupon_id: int) -> list[str]:
    """Every code of a group coupon."""
    read = partial(salla_for(merchant).coupon_codes, coupon_id)
    return [CouponCodeRow.read(row).code for row in every(read)]


def special_offers(merchant: Merchant) -> list[SpecialOffer]:
    return [SpecialOffer.read(row) for row in every(salla_for(merchant).special_offers)]


def webhooks(merchant: Merchant) -> list[Webhook]:
    return [Webhook.read(row) for row in every(salla_for(merchant).webhooks)]


def register_webhook(merchant: Merchant, *, name: str, event: str, url: str, rule: str = "") -> Webhook:
    """The same event and address again changes the one that is there."""
    body = {"name": name, "event": event, "url": url, "version": 2, **({"rule": rule} if rule else {})}
    return Webhook.read(salla_for(merchant).register_webhook(body))


def remove_webhook(merchant: Merchant, webhook_id: int) -> None:
    salla_for(merchant).remove_webhook(webhook_id)


def app_settings(merchant: Merchant) -> dict[str, Any]:
    """What the merchant typed into the app's form at Salla."""
    return AppSettings.read(salla_for(merchant).app_settings()).settings


def merge_app_settings(merchant: Merchant, changes: dict[str, Any]) -> dict[str, Any]:
    """Change some of them and keep the others, which Salla would empty; returns all of them."""
    merged = {**app_settings(merchant), **changes}
    salla_for(merchant).save_app_settings(merged)
    return merged


def app_subscriptions(merchant: Merchant) -> list[Subscription]:
    return [Subscription.read(row) for row in salla_for(merchant).app_subscriptions()]
