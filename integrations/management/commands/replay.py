"""`manage.py replay`: sends recorded webhook bodies to the running app, as Salla would, and reports on each."""

import hashlib
import json
import time
from argparse import ArgumentParser
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse

from core import clock, webhooks
from integrations import lifecycle
from integrations.app_payloads import Tokens
from integrations.models import Delivery

FIRST = {"app.installed", "app.store.authorize"}
LAST = {"app.uninstalled"}
POLL_SECONDS = 0.2


@dataclass
class Recording:
    """One file on its way."""

    name: str
    body: bytes
    status: str = ""
    reason: str = ""

    @property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.body).digest()

    def envelope(self) -> webhooks.Envelope | None:
        try:
            return webhooks.parse(self.body)
        except webhooks.UnreadableBodyError:
            return None

    def wave(self) -> int:
        """Installs go first and uninstalls last, each wave after the one before is done."""
        envelope = self.envelope()
        event = envelope.event if envelope else ""
        return 0 if event in FIRST else 2 if event in LAST else 1


class Command(BaseCommand):
    help = "Sends recorded webhook bodies, freshly signed, to the running app and reports what became of each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a JSON file, or a folder of them")
        parser.add_argument("--url", help="the webhook's address; default: the one under PUBLIC_URL")
        parser.add_argument(
            "--connect", action="store_true", help="first make a connected store, which stays, for each merchant id"
        )
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report there instead of printing it")
        parser.add_argument("--timeout", type=float, default=120, help="seconds to wait for the workers")

    def handle(self, *args: Any, **options: Any) -> None:
        recordings = _read(options["paths"])
        if options["connect"]:
            _connect(recordings)
        url = options["url"] or settings.PUBLIC_URL + reverse("integrations:webhook")
        deadline = time.monotonic() + options["timeout"]
        for number in range(3):
            wave = [recording for recording in recordings if recording.wave() == number]
            for recording in wave:
                _send(recording, url)
            _wait([recording for recording in wave if not recording.status], deadline)
        self._report(recordings, options["report"])

    def _report(self, recordings: list[Recording], file: Path | None) -> None:
        rows = [{"file": row.name, "status": row.status, "reason": row.reason} for row in recordings]
        text = json.dumps(rows, ensure_ascii=False, indent=2)
        if file is None:
            self.stdout.write(text)
        else:
            file.write_text(text + "\n")
        if any(row.status == "waiting" for row in recordings):
            raise CommandError("Not everything was processed in time: is the worker running?")


def _read(paths: list[Path]) -> list[Recording]:
    recordings = []
    for path in paths:
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        base = path if path.is_dir() else path.parent
        try:
            recordings += [Recording(str(file.relative_to(base)), file.read_bytes()) for file in files]
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error
    if not recordings:
        raise CommandError("There is no .json file there.")
    return recordings


def _connect(recordings: list[Recording]) -> None:
    """Installed at the time of the store's oldest recording, so that none of them counts as overtaken."""
    oldest: dict[int, datetime] = {}
    for envelope in filter(None, (recording.envelope() for recording in recordings)):
        moment = envelope.created_at or clock.now()
        oldest[envelope.store_id] = min(moment, oldest.get(envelope.store_id, moment))
    for store_id, moment in oldest.items():
        if lifecycle.merchant_of(store_id) is None:
            with transaction.atomic():
                lifecycle.authorize(store_id, Tokens(access_token="replay"), at=moment)  # noqa: S106


def _send(recording: Recording, url: str) -> None:
    headers = {
        "Content-Type": "application/json",
        "X-Salla-Security-Strategy": "Signature",
        "X-Salla-Signature": webhooks.sign(recording.body, settings.SALLA_WEBHOOK_SECRETS[0]),
    }
    try:
        answer = requests.post(url, recording.body, headers=headers, timeout=30)
    except requests.RequestException as error:
        raise CommandError(f"{url} does not answer: {type(error).__name__}. Is the app running?") from error
    if answer.status_code != 200:
        recording.status, recording.reason = "refused", f"HTTP {answer.status_code}"
    elif answer.json()["status"] == "duplicate":
        recording.status = "duplicate"


def _wait(recordings: list[Recording], deadline: float) -> None:
    while recordings:
        for recording in recordings:
            delivery = Delivery.objects.only("state", "reason").get(body_sha256=recording.sha256)
            recording.status, recording.reason = delivery.state, delivery.reason
        recordings = [recording for recording in recordings if recording.status == Delivery.State.WAITING]
        if not recordings or time.monotonic() > deadline:
            return
        time.sleep(POLL_SECONDS)
