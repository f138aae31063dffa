"""What does less than the product, or the same in the usual way, and what prepares one. Never served by the product."""

import hashlib

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from core import clock, fields, webhooks
from features import registry
from features import services as switchboard
from integrations import lifecycle, services, tasks
from scripts.benchmarks import beacons, config


@csrf_exempt
@require_POST
def bare(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "received"})


@csrf_exempt
@require_POST
def verify(request: HttpRequest) -> HttpResponse:
    return _answer(_is_authentic(request))


@csrf_exempt
@require_POST
def insert_plain(request: HttpRequest) -> HttpResponse:
    """As if bodies stood in clear in the database."""
    return _answer(_is_authentic(request) and _store(request.body, request.body))


@csrf_exempt
@require_POST
def insert(request: HttpRequest) -> HttpResponse:
    """The product's receipt without its bell."""
    return _answer(_is_authentic(request) and _store(request.body, fields.encrypt(request.body)))


@csrf_exempt
@require_POST
def delay(request: HttpRequest) -> HttpResponse:
    """The usual way: one Celery message per webhook."""
    is_stored = _is_authentic(request) and _store(request.body, fields.encrypt(request.body))
    tasks.process_deliveries.delay()
    return _answer(is_stored)


@require_safe
def bare_read(request: HttpRequest, store: int) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


@csrf_exempt
@require_POST
def bare_beacon(request: HttpRequest, store: int) -> HttpResponse:
    return HttpResponse(status=204 if request.body else 400)


@csrf_exempt
@require_POST
@transaction.atomic
def store(request: HttpRequest) -> HttpResponse:
    """Makes what is read afterwards: a store with every card on."""
    _install(config.STORE)
    return _answer(is_good=True)


@csrf_exempt
@require_POST
@transaction.atomic
def stores(request: HttpRequest) -> HttpResponse:
    """The same for the many stores that beacons are told of."""
    for salla_id in beacons.stores():
        _install(salla_id)
    return _answer(is_good=True)


def _install(salla_id: int) -> None:
    merchant = lifecycle.install(salla_id, at=clock.now()).merchant
    for card in registry.cards():
        switchboard.switch(merchant, card=card, is_on=True)


def _is_authentic(request: HttpRequest) -> bool:
    return webhooks.verify(
        request.body,
        request.headers,
        strategy=settings.SALLA_WEBHOOK_STRATEGY,
        secrets=settings.SALLA_WEBHOOK_SECRETS,
    )


def _store(body: bytes, kept: bytes) -> bool:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(services.INSERT, [hashlib.sha256(body).digest(), kept, len(body), now, now])
        return bool(cursor.rowcount == 1)


def _answer(is_good: bool) -> HttpResponse:
    return JsonResponse({"status": "received"}, status=200 if is_good else 500)
