"""Addresses of our pages for whoever reads them elsewhere, in a mail or at Salla, and of others that we link to."""

from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse


def public(name: str, *args: object) -> str:
    """The whole address of a page that stands by itself, also when a page of the frame in Salla asks for it."""
    return urljoin(settings.PUBLIC_URL, reverse(name, args=args, urlconf=settings.ROOT_URLCONF))


def web(address: str) -> str:
    """The address of a page or a picture elsewhere; empty for what a browser would run in ours."""
    return address if address.startswith(("https://", "http://")) else ""
