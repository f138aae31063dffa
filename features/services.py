"""Switching, saving and restoring cards, reading their settings, and what a storefront is told."""

import json
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core import activity
from core.models import Merchant, User
from core.schema import SettingError, SettingsError
from core.schema_data import read_json
from core.schema_errors import Text
from events import facts
from events.services import record
from features import registry, storefront
from features.models import Feature, Revision, StorefrontConfig
from features.registry import Asker, BadRequestError, Card, S
from features.selectors import language_of, load, supported_language, withheld
from features.storefront import Served
from integrations.models import ABSENT, Standing

log = logging.getLogger(__name__)

MAX_SETTINGS_BYTES = 64 * 1024
_TOO_BIG = _("These settings are too big: at most 64 KB.")

_configs = storefront.Configs()


def _name_of(slug: str) -> str:
    card = registry.get(slug)
    return str(card.name) if card else slug


# By what a revision calls it.
_ACTIVITIES = {
    Revision.What.SWITCHED_ON: activity.declare(
        "card.switched_on", gettext_noop("%(who)s turned on “%(detail)s”"), detail=_name_of
    ),
    Revision.What.SWITCHED_OFF: activity.declare(
        "card.switched_off", gettext_noop("%(who)s turned off “%(detail)s”"), detail=_name_of
    ),
    Revision.What.SAVED: activity.declare(
        "card.saved", gettext_noop("%(who)s changed the settings of “%(detail)s”"), detail=_name_of
    ),
    Revision.What.REVERTED: activity.declare(
        "card.reverted", gettext_noop("%(who)s restored an earlier version of “%(detail)s”"), detail=_name_of
    ),
}


class NotReadyError(Exception):
    """The card cannot be turned on yet; `missing` says in the reader's language what to do first."""

    def __init__(self, missing: Text) -> None:
        self.missing = missing
        super().__init__(missing)


# Reading


def settings_of(merchant: Merchant, card: Card[S]) -> S:
    """The card's settings in this store, whether it is on or off; never fails on what an older version stored."""
    return load(merchant, card, _feature(merchant, card).settings)


def active_settings(merchant: Merchant, card: Card[S]) -> S | None:
    """The card's settings where it is on and the store may use it, else None."""
    feature = _feature(merchant, card)
    return load(merchant, card, feature.settings) if feature.is_on and is_open(merchant) else None


def is_open(merchant: Merchant) -> bool:
    """Whether shoppers may get anything of ours in this store: it has us installed, and its plan holds."""
    states = Merchant.objects.filter(pk=merchant.pk).values_list("connection__state", "standing__state").first()
    return states is not None and states[0] not in ABSENT and states[1] != Standing.State.RESTRICTED


def parse(merchant: Merchant, card: Card[S], raw: object) -> S:
    """Settings that a person or a script wrote, as data or as JSON. Raises `SettingsError`."""
    with translation.override(language_of(merchant)):
        settings = card.settings.parse(raw)
    if len(json.dumps(settings.dump(), ensure_ascii=False).encode()) > MAX_SETTINGS_BYTES:
        raise SettingsError([SettingError((), _TOO_BIG)])
    return settings


# Changing


def switch(merchant: Merchant, *, card: Card[Any], is_on: bool, by: User | None = None) -> Revision | None:
    """Turn the card on or off; None when it already is. Raises `NotReadyError` where it lacks something."""
    what = Revision.What.SWITCHED_ON if is_on else Revision.What.SWITCHED_OFF
    return _change(merchant, card, what=what, by=by, is_on=is_on)


def save(merchant: Merchant, *, card: Card[Any], raw: object, by: User | None = None) -> Revision | None:
    """Keep what a person or a script wrote, as data or as JSON; None when nothing changes. Raises `SettingsError`."""
    settings = parse(merchant, card, raw)
    return _change(merchant, card, what=Revision.What.SAVED, by=by, settings=settings.dump())


def revert(merchant: Merchant, *, card: Card[Any], revision: Revision, by: User | None = None) -> Revision | None:
    """Put the card back to how it was before `revision`; None when it is so already. Raises `NotReadyError`."""
    before = revision.before
    settings = load(merchant, card, before.get("settings")).dump()
    return _change(
        merchant, card, what=Revision.What.REVERTED, by=by, is_on=before.get("is_on") is True, settings=settings
    )


@transaction.atomic
def _change(
    merchant: Merchant,
    card: Card[Any],
    *,
    what: Revision.What,
    by: User | None,
    is_on: bool | None = None,
    settings: dict[str, Any] | None = None,
) -> Revision | None:
    locked = _locked(merchant)
    feature = _feature(locked, card)
    before = feature.state
    if is_on is not None:
        feature.is_on = is_on
    if settings is not None and (old := load(locked, card, before["settings"]).dump()) != settings:
        feature.settings = settings
        feature.groups_dealt += not old.get("holdout_percent") and bool(settings.get("holdout_percent"))
    if feature.state == before:
        return None
    if feature.is_on and not before["is_on"] and (missing := withheld(locked) or card.missing(locked)):
        raise NotReadyError(missing)
    feature.save()
    revision: Revision = locked.revisions.create(feature=feature, by=by, what=what, before=before, after=feature.state)
    fact = facts.FeatureChanged(slug=card.slug, is_on=feature.is_on)
    record(locked, fact, key=f"feature:{revision.public_id}", occurred_at=revision.at)
    if by is not None:
        activity.note(locked, _ACTIVITIES[what], user=by, detail=card.slug)
    _rebuild(locked)
    return revision


def _locked(merchant: Merchant) -> Merchant:
    """The store, whose cards nobody else changes until this transaction ends; rows that point at it go on."""
    return Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)


def _feature(merchant: Merchant, card: Card[Any]) -> Feature:
    return merchant.features.filter(slug=card.slug).first() or Feature(merchant=merchant, slug=card.slug)


# The storefront


@transaction.atomic
def rebuild_storefront_config(merchant: Merchant) -> None:
    """Make the config again: public settings of the cards that are on."""
    _rebuild(_locked(merchant))


def _rebuild(locked: Merchant) -> None:
    config = getattr(locked, "storefront_config", None) or StorefrontConfig(merchant=locked)
    cards = list(_cards_on(locked))
    if storefront.render(config.version, cards) != bytes(config.body):
        config.version += 1
        config.body = storefront.render(config.version, cards)
        config.etag = storefront.etag_of(config.body)
    config.fingerprint = storefront.fingerprint(language_of(locked))
    config.save()
    transaction.on_commit(partial(_configs.drop, locked.salla_id))


def _cards_on(merchant: Merchant) -> Iterator[storefront.On]:
    rows = {feature.slug: feature for feature in merchant.features.filter(is_on=True)}
    for card in registry.cards():
        if row := rows.get(card.slug):
            yield storefront.On(card, load(merchant, card, row.settings), row.groups_dealt)


def storefront_config(salla_id: int) -> Served:
    """What this store's shoppers get; from memory without a query, where a change may take MEMORY_SECONDS to arrive.

    Never fails: while the database is away shoppers get what they got before, or nothing. While STOREFRONT_OFF is set
    no shopper gets anything, and nobody listens.
    """
    served = _served(salla_id)
    return storefront.silenced(served) if settings.STOREFRONT_OFF else served


def _served(salla_id: int) -> Served:
    found = _configs.get(salla_id)
    if found is not None:
        return found
    try:
        served = _read(salla_id)
    except Exception:
        log.exception("the config of store %s could not be read", salla_id)
        stale = _configs.stale(salla_id)
        return _configs.put(salla_id, stale or storefront.AWAY, is_known=stale is not None)
    return _configs.put(salla_id, served, is_known=served.is_store)


def _read(salla_id: int) -> Served:
    """Empty for a store that is unknown, uninstalled, restricted, or has never changed a card."""
    states = ("connection__state", "standing__state")
    config = ("storefront_config__fingerprint", "storefront_config__body", "storefront_config__etag")
    rows = Merchant.objects.filter(salla_id=salla_id).annotate(
        cards_on=Count("features", filter=Q(features__is_on=True))
    )
    row = rows.values_list("pk", "locale", "time_zone", "cards_on", *states, *config, named=True).first()
    if row is None or row.connection__state in ABSENT:
        return storefront.NO_STORE
    if row.storefront_config__fingerprint is None or row.standing__state == Standing.State.RESTRICTED:
        return storefront.EMPTY
    body, etag = row.storefront_config__body, row.storefront_config__etag
    if row.storefront_config__fingerprint != storefront.fingerprint(supported_language(row.locale)):
        merchant = Merchant.objects.get(pk=row.pk)
        rebuild_storefront_config(merchant)
        body, etag = merchant.storefront_config.body, merchant.storefront_config.etag
    is_listening = row.cards_on > 0
    return Served(bytes(body), etag, merchant_id=row.pk, time_zone=row.time_zone, is_listening=is_listening)


def act(salla_id: int, *, card: Card[Any], action: str, data: object, asker: Asker) -> Any:
    """The answer of a card's action to a widget; None where the card is off. Raises `BadRequestError`."""
    merchant = None if settings.STOREFRONT_OFF else Merchant.objects.filter(salla_id=salla_id).first()
    active = active_settings(merchant, card) if merchant else None
    if merchant is None or active is None:
        return None
    return card.actions[action](merchant, settings=active, data=data, asker=asker)


def read_data(text: bytes) -> object:
    """What a widget sent; nothing is an empty group. Raises `BadRequestError`."""
    try:
        return read_json(text) if text else {}
    except SettingsError as refusal:
        raise BadRequestError(str(refusal)) from None
