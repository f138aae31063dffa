"""The snippet as Salla's partner portal takes it: the file of `static/js`, with this app's address written out."""

import json
from pathlib import Path

from django.conf import settings

FILE = Path(settings.BASE_DIR, "static", "js", "snippet.js")
# What Salla's CDN serves cannot ask where it came from: there the address must stand in the text.
ASKS_ITS_OWN_ADDRESS = "new URL(document.currentScript.src).origin"


def for_portal() -> str:
    """Plain JavaScript, for all stores."""
    return FILE.read_text().replace(ASKS_ITS_OWN_ADDRESS, json.dumps(settings.PUBLIC_URL))
