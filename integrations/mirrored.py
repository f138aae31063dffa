"""The bases of rows that hold what Salla said: each column the newest statement, whatever order bodies came in."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from core.models import MerchantOwned


class Versioned(MerchantOwned):
    """Written through `integrations.mirror.merge` alone."""

    source_updated_at = models.DateTimeField(_("changed at Salla"))
    # Column → ISO time of the body that stated it.
    field_versions = models.JSONField(default=dict, editable=False)

    class Meta:
        abstract = True

    @property
    def withheld(self) -> frozenset[str]:
        """Columns that nothing is taken over into any more."""
        return frozenset()


class Mirrored(Versioned):
    """A copy of something in Salla."""

    salla_id = models.BigIntegerField(_("number at Salla"))

    class Meta:
        abstract = True
