"""The `.env` file: written once with random secrets, read strictly, and never half believed."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from dotenv.main import dotenv_values
from dotenv.parser import parse_stream

from scripts.supervisor import ServiceError

# What settings.py refuses to start without (a test compares the two).
REQUIRED = (
    "SECRET_KEY",
    "FIELD_ENCRYPTION_KEYS",
    "PUBLIC_URL",
    "ALLOWED_HOSTS",
    "SALLA_APP_ID",
    "SALLA_CLIENT_ID",
    "SALLA_CLIENT_SECRET",
    "SALLA_WEBHOOK_SECRETS",
)
REPAIR = "repair it (see .env.example), or delete it to get a new one with new secrets"


def fresh_values(port: str) -> dict[str, str]:
    """What a new `.env` holds beyond the example's defaults: an address and secrets of its own."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "DEBUG": "true",
        "SANDBOX": "true",
        "PUBLIC_URL": f"http://localhost:{port}",
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "SALLA_APP_ID": str(100_000_000 + secrets.randbelow(900_000_000)),
        "SALLA_CLIENT_ID": secrets.token_hex(16),
        "SALLA_CLIENT_SECRET": secrets.token_hex(32),
        "SALLA_WEBHOOK_SECRETS": secrets.token_hex(32),
        "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(15),
    }


def write_atomically(path: Path, text: str) -> None:
    """A reader, or a machine that loses power, sees the whole file or none; only its owner may read it."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)


def write_new(path: Path, example: Path, port: str) -> None:
    """Fill the example in, so that each variable keeps its sentence."""
    values = fresh_values(port)

    def fill(line: re.Match[str]) -> str:
        return f"{line[1]}={values.get(line[1], line[2])}"

    write_atomically(path, re.sub(r"^(\w+)=(.*)$", fill, example.read_text(), flags=re.MULTILINE))


def read(path: Path) -> dict[str, str]:
    """The file's variables, or one line that says where it cannot be read."""
    try:
        with path.open() as file:
            bindings = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ServiceError(f"{path.name} cannot be read ({error}): {REPAIR}.") from error
    for binding in bindings:
        if binding.error or (binding.key and binding.value is None):
            raise ServiceError(f"{path.name} is not whole: line {binding.original.line} has no NAME=value; {REPAIR}.")
    return {name: value or "" for name, value in dotenv_values(path).items()}


def load(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings as the app will see them, the environment before the file, and whole."""
    values = {**read(path), **environ}
    missing = [name for name in REQUIRED if not values.get(name, "").strip()]
    if missing:
        raise ServiceError(f"{path.name} is not whole: {', '.join(missing)} missing or empty; {REPAIR}.")
    for key in values["FIELD_ENCRYPTION_KEYS"].split(","):
        try:
            Fernet(key.strip())
        except ValueError as error:
            raise ServiceError(
                f"{path.name} is not whole: FIELD_ENCRYPTION_KEYS is no Fernet key; {REPAIR}."
            ) from error
    return values


def port_of(values: Mapping[str, str], name: str, default: str) -> int:
    text = values.get(name) or default
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ServiceError(f"{name} must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def public_url(values: Mapping[str, str], environ: Mapping[str, str], port: int) -> str:
    """An address on this machine follows the port; a tunnel's, or one given for this run, stays as it is."""
    url = values["PUBLIC_URL"]
    if not environ.get("PUBLIC_URL") and urlsplit(url).hostname in {"localhost", "127.0.0.1"}:
        return f"http://localhost:{port}"
    return url


def throwaway(example: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Every variable of the example has a value, so nothing of a developer's own `.env` reaches a test."""
    fresh = {**dotenv_values(example), **fresh_values("8000")}
    return {**{name: value or "" for name, value in fresh.items()}, **environ}
