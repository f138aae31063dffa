"""Salla's catalogue of store events that an app can subscribe to."""

EVENTS: dict[str, tuple[int, str]] = {
    "order.created": (1473353380, "تم إنشاء طلب"),
    "order.updated": (566146469, "تم تحديث بيانات طلب"),
    "product.created": (1939592358, "تم إنشاء منتج"),
    "product.updated": (1298199463, "تم تحديث بيانات منتج"),
    "product.deleted": (525144736, "تم حذف منتج"),
    "customer.created": (1764372897, "تمت إضافة عميل"),
    "customer.updated": (989286562, "تم تحديث بيانات عميل"),
    "category.created": (349994915, "تمت إضافة تصنيف"),
    "category.updated": (1723506348, "تم تحديث بيانات تصنيف"),
}
_MORE = {
    "order.status.updated": "تم تحديث حالة طلب", "order.cancelled": "تم إلغاء طلب", "order.refunded": "تم استرجاع طلب",
    "order.deleted": "تم حذف طلب", "order.products.updated": "تم تحديث منتجات طلب",
    "order.payment.updated": "تم تحديث حالة الدفع", "order.coupon.updated": "تم تحديث كوبون طلب",
    "order.total.price.updated": "تم تحديث إجمالي طلب", "order.shipment.created": "تم إنشاء شحنة",
    "order.shipping.address.updated": "تم تحديث عنوان الشحن", "product.available": "توفر منتج",
    "product.quantity.low": "قاربت كمية منتج على النفاد", "product.price.updated": "تم تحديث سعر منتج",
    "product.status.updated": "تم تحديث حالة منتج", "product.image.updated": "تم تحديث صورة منتج",
    "customer.login": "تسجيل دخول عميل", "customer.otp.request": "طلب رمز تحقق", "abandoned.cart": "سلة متروكة",
    "abandoned.cart.status.changed": "تغيير حالة سلة متروكة", "abandoned.cart.purchased": "تم شراء سلة متروكة",
    "coupon.applied": "تم تطبيق كوبون", "invoice.created": "تم إنشاء فاتورة",
    "specialoffer.created": "تم إنشاء عرض خاص",
    "specialoffer.updated": "تم تحديث عرض خاص", "review.added": "تمت إضافة تقييم", "brand.created": "تم إنشاء ماركة",
    "store.branch.updated": "تم تحديث فرع", "shipment.created": "تم إنشاء شحنة",
}  # fmt: skip
EVENTS |= {name: (600_000_000 + 7919 * position, label) for position, (name, label) in enumerate(_MORE.items())}

NOT_SUBSCRIBED = {"customer.otp.request"}
"""What the app's portal page leaves unticked."""
