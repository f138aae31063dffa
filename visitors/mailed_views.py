"""What a contact's reader opens from a message: the yes, his choices, his data and its end. No page needs a cookie."""

from collections.abc import Callable
from functools import wraps
from math import ceil
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation

from core import subjects
from core.http import client_network, truncated
from core.limiter import Limit
from core.mailed import mailed_page
from core.models import Merchant
from features import registry, services
from features.selectors import language_of
from visitors import consents, contact_links, contacts
from visitors import preferences as choices
from visitors.consents import Source, Words
from visitors.models import Contact, OptIn

ONE_CLICK = "List-Unsubscribe"
# Open without Redis: whoever wants to stop a store's messages can always do so.
BY_NETWORK = Limit("contacts:pages", 120, 60, is_open_without_redis=True)


def _for_reader(view: Callable[[HttpRequest, Contact], HttpResponse]) -> Callable[..., HttpResponse]:
    """A page of whoever reads a contact's address; not more often than anybody reads."""

    @mailed_page
    @wraps(view)
    def page(request: HttpRequest, token: str) -> HttpResponse:
        contact = contact_links.preferences_of(token)
        if contact is None:
            return _unknown(request)
        if wait := BY_NETWORK.take(client_network(request)):
            response = _page(request, "busy", contact, status=429)
            response.headers["Retry-After"] = str(ceil(wait))
            return response
        return view(request, contact)

    return page


@mailed_page
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """One button; opening the page says nothing."""
    asked = contact_links.question_of(token)
    if asked is None:
        return _unknown(request)
    if request.method == "POST":
        asked = contacts.confirm(token) or asked
    if not asked.is_answerable:
        return _page(request, "gone", asked.contact, status=410)
    is_done = not asked.is_open
    welcome = _welcome(asked) if is_done else ""
    return _page(request, "confirm", asked.contact, {"asked": asked, "is_done": is_done, "welcome": welcome})


def _welcome(asked: OptIn) -> str:
    """What the merchant promised those who subscribe in his store; kept also where the form is off by now."""
    if asked.source != Source.FORM:
        return ""
    found = [card.welcome(services.settings_of(asked.merchant, card)) for card in registry.cards() if card.welcome]
    return "\n".join(filter(None, found))


@mailed_page
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Ends one purpose on one channel. Mail programs press the button without looking at the answer (RFC 8058)."""
    found = contact_links.unsubscribe_of(token)
    if found is None:
        return _unknown(request)
    contact, purpose, channel = found
    if request.method == "POST" and contact.erased_at is None:
        words = Words(Source.UNSUBSCRIBE, network=truncated(client_network(request)))
        contacts.withdraw(contact.merchant, contact, words=words, purposes=[purpose], channels=[channel])
    if ONE_CLICK in request.POST:
        return HttpResponse(content_type="text/plain")
    if contact.erased_at is not None:
        return _unknown(request)
    is_done = not consents.standing(contact.merchant, contact).allows(purpose, channel)
    what = {"purpose": purpose.label, "channel": channel.label, "is_done": is_done}
    return _page(request, "unsubscribe", contact, what)


@_for_reader
def preferences(request: HttpRequest, contact: Contact) -> HttpResponse:
    """Which messages, on which channel, how often; or none at all."""
    merchant, network = contact.merchant, truncated(client_network(request))
    with translation.override(_language(request, contact)):
        form = choices.form_of(merchant, contact, request.POST if request.method == "POST" else None)
        did = ""
        if request.POST.get("do") == "stop":
            contacts.stop_all(merchant, contact, words=Words(Source.CENTRE, network=network))
            did = "stopped"
        elif form.is_valid():
            choices.choose(merchant, contact, form, network=network)
            did = "saved"
        if did:
            contact.refresh_from_db()
            form = choices.form_of(merchant, contact)
    refused = consents.is_refused_at_salla(merchant, contact)
    shown = {"form": form, "did": did, "is_refused_at_salla": refused}
    return _page(request, "preferences", contact, shown, status=422 if form.errors else 200)


@_for_reader
def data(request: HttpRequest, contact: Contact) -> HttpResponse:
    """What is held of whoever reads this address, to look at or to take along."""
    held = choices.data_of(contact.merchant, contact)
    if request.GET.get("format") == "json":
        whole = {"store": str(contact.merchant), **held}
        said = {"ensure_ascii": False, "indent": 2}
        name = 'attachment; filename="my-data.json"'
        return JsonResponse(whole, json_dumps_params=said, headers={"Content-Disposition": name})
    lines = contact.merchant.consents.filter(contact=contact).order_by("-at", "-pk")
    holders = subjects.holders()
    parts = [(holders[name].title, holders[name].entries % {"count": len(rows)}) for name, rows in held.items()]
    return _page(request, "data", contact, {"lines": lines, "parts": parts})


@_for_reader
def erase(request: HttpRequest, contact: Contact) -> HttpResponse:
    """Asks first; then nothing is left but a hash that keeps this store from writing there."""
    if request.method == "POST":
        choices.erase(contact.merchant, contact)
        return _page(request, "erase", contact, {"is_done": True})
    return _page(request, "erase", contact)


def _language(request: HttpRequest, contact: Contact) -> str:
    """What he chose on the page, else what he reads elsewhere; no cookie says it."""
    for language in (request.GET.get("lang"), contact.language):
        if language in dict(settings.LANGUAGES):
            return str(language)
    return language_of(contact.merchant)


def _unknown(request: HttpRequest) -> HttpResponse:
    """The same for a forged link and for whoever was erased: nothing is said of whether there was somebody."""
    chosen = str(request.GET.get("lang"))
    language = chosen if chosen in dict(settings.LANGUAGES) else translation.get_language() or settings.LANGUAGE_CODE
    return _in(language, request, "unknown", {}, status=404)


def _page(
    request: HttpRequest, name: str, contact: Contact, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Every page says whose store it is about, and changes its language by its address."""
    store: Merchant = contact.merchant
    language = _language(request, contact)
    whole = {
        "store": store,
        "contact": contact,
        "preferences_token": contact_links.preferences_token(store, contact),
        **(context or {}),
    }
    return _in(language, request, name, whole, status=status)


def _in(language: str, request: HttpRequest, name: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    others = [(code, title) for code, title in settings.LANGUAGES if code != language]
    with translation.override(language):
        response = render(request, f"contacts/{name}.html", {"other_languages": others, **context}, status=status)
    response.headers["Content-Language"] = language
    return response
