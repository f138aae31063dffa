"""The country of a network, by a database that lies on this machine: no address leaves it, and none is kept.

Where the file is missing every country is unknown, and the pages say so. The data is by the NRO (CC BY 4.0), collected
by ip-location-db: whoever shows a country shows CREDIT too.
"""

import logging
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import maxminddb
from babel import Locale
from django.conf import settings
from django.utils.translation import get_language

log = logging.getLogger(__name__)

CREDIT = "NRO, CC BY 4.0 · ip-location-db"
CREDIT_ADDRESS = "https://github.com/sapics/ip-location-db"


def is_known() -> bool:
    """Whether there is a database to ask."""
    return _reader(settings.COUNTRY_DATABASE) is not None


def country_of(network: str) -> str:
    """Two capital letters (ISO 3166), or nothing: for an IPv4 address or an IPv6 network (core.http.client_network)."""
    return _country_of(settings.COUNTRY_DATABASE, network)


@lru_cache(maxsize=65536)
def _country_of(path: str, network: str) -> str:
    reader = _reader(path)
    if reader is None:
        return ""
    try:
        found: Any = reader.get(network.partition("/")[0])
    except ValueError:  # no address
        return ""
    if not isinstance(found, dict):
        return ""
    nested = found.get("country")  # as MaxMind's own databases have it
    code = found.get("country_code") or (nested.get("iso_code") if isinstance(nested, dict) else "")
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper() else ""


@cache
def _reader(path: str) -> "maxminddb.Reader | None":
    if not path or not Path(path).is_file():
        return None
    try:
        return maxminddb.open_database(path)
    except (maxminddb.InvalidDatabaseError, OSError) as error:
        log.warning("countries are unknown: %s", type(error).__name__)
        return None


def name_of(code: str) -> str:
    """In the reader's language; the code itself where it has no name."""
    return str(Locale.parse(get_language() or "ar", sep="-").territories.get(code, code))
