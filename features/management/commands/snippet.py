"""`manage.py snippet`: prints the text to paste into the app snippet in Salla's partner portal."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from features import snippet


class Command(BaseCommand):
    help = "Print the storefront snippet for Salla's partner portal, with PUBLIC_URL in it."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.PUBLIC_URL:
            raise CommandError("PUBLIC_URL is not set: shoppers' browsers would not find this app.")
        self.stdout.write(snippet.for_portal(), ending="")
