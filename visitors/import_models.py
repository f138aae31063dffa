"""A file of people that a store brings from elsewhere, on its way from the upload to the ledger."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core import clock
from core.fields import EncryptedBytesField
from core.models import Merchant, MerchantOwned
from core.work import Work
from visitors.import_files import Encoding, Form

UNDO_FOR = timedelta(days=1)
# Of a file that nobody goes on with.
KEPT_FOR = timedelta(days=1)


class ContactImport(Work, MerchantOwned):
    """Checked first, then written as a whole. The file's bytes go when it is done, undone or left lying."""

    class Kind(models.TextChoices):
        CONTACTS = "contacts", _("People who agreed to messages")
        SUPPRESSIONS = "suppressions", _("People who want no messages")

    class Step(models.TextChoices):
        UPLOADED = "uploaded", _("Waiting for its columns")
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked, not brought in yet")
        RUNNING = "running", _("Being brought in")
        DONE = "done", _("Brought in")
        UNDONE = "undone", _("Taken back")

    merchant = models.ForeignKey(
        Merchant, on_delete=models.CASCADE, related_name="contact_imports", verbose_name=_("store")
    )
    public_id = models.UUIDField(_("public id"), default=uuid.uuid4, unique=True, editable=False)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    step = models.CharField(_("step"), max_length=10, choices=Step, default=Step.UPLOADED)
    file_name = models.CharField(_("file"), max_length=100)
    content = EncryptedBytesField(_("content"), null=True, editable=False)
    encoding = models.CharField(_("encoding"), max_length=10, choices=Encoding)
    separator = models.CharField(_("separator"), max_length=1, blank=True)
    has_names = models.BooleanField(_("the first row names the columns"), default=True)
    rows_count = models.PositiveIntegerField(_("rows"), default=0)
    roles = models.JSONField(_("columns"), default=list)  # `import_columns.Role` of each
    # As the merchant states it once for the file.
    declared = models.JSONField(_("declared"), default=dict)  # {where, when, words}
    channels = models.JSONField(_("channels"), default=list)
    # Two letters for each row: what becomes of its address and of its number (`import_rows.Verdict`).
    verdicts = models.BinaryField(default=b"", editable=False)
    counts = models.JSONField(_("counts"), default=dict)  # of verdicts
    created_at = models.DateTimeField(_("created"), default=clock.now)
    # Also the moment of every row that it wrote: by it they are found again.
    ran_at = models.DateTimeField(_("brought in"), null=True)
    undone_at = models.DateTimeField(_("taken back"), null=True)

    class Meta(Work.Meta):
        verbose_name = _("import of contacts")
        verbose_name_plural = _("imports of contacts")

    def __str__(self) -> str:
        return f"{self.file_name} · {self.get_step_display()}"

    @property
    def form(self) -> Form:
        """How the file is read."""
        return Form(Encoding(self.encoding), self.separator)

    @property
    def is_busy(self) -> bool:
        return self.step in {self.Step.CHECKING, self.Step.RUNNING} and self.state != self.State.DEAD

    @property
    def is_undoable(self) -> bool:
        return self.step == self.Step.DONE and self.ran_at is not None and clock.now() < self.ran_at + UNDO_FOR
