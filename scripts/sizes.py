"""How many bytes shoppers' browsers fetch, as production serves them; fails with the name of what has grown too large.

Collects the static files into a folder of its own with production's storage, which compresses as whitenoise sends them.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # `python scripts/sizes.py` finds the apps

import django
from django.conf import settings
from django.core.management import call_command

from features import snippet

SNIPPET, LOADER, WIDGET, EVERYTHING = 600, 5_000, 3_072, 16_384
# After the page has loaded, on nobody's way; and what only the merchant gets, who tries his store.
NOT_WITH_THE_PAGE = {"js/storefront/vitals.js", "js/storefront/try.js"}
NOT_SERVED = ("admin", "django_htmx", "vendor", "css")


@dataclass(frozen=True)
class Size:
    """What is fetched, and what it may weigh; 0: only as part of everything."""

    name: str
    bytes: int
    most: int = 0

    @property
    def is_too_large(self) -> bool:
        return 0 < self.most < self.bytes

    def __str__(self) -> str:
        return f"{self.name:<52}{self.bytes:>7}{self.most or '':>8}{'  too large' if self.is_too_large else ''}"


def collected(folder: Path) -> dict[str, int]:
    """The compressed bytes of each script under its plain name."""
    settings.STATIC_ROOT = folder
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=list(NOT_SERVED))
    scripts = [path for place in ("js", "cards") for path in (folder / place).rglob("*.js")]
    plain = [path for path in scripts if path.name.count(".") == 1]
    return {str(path.relative_to(folder)): _sent(path) for path in plain}


def _sent(path: Path) -> int:
    compressed = path.with_name(f"{path.name}.gz")
    return (compressed if compressed.exists() else path).stat().st_size


def sizes(scripts: dict[str, int], snippet: int) -> list[Size]:
    parts = sorted(name for name in scripts if name.startswith("js/storefront/"))
    widgets = sorted(name for name in scripts if name.startswith("cards/"))
    with_page = ["js/loader.js", *(part for part in parts if part not in NOT_WITH_THE_PAGE), *widgets]
    return [
        Size("snippet, as Salla serves it", snippet, SNIPPET),
        Size("js/loader.js", scripts["js/loader.js"], LOADER),
        *(Size(part, scripts[part]) for part in parts),
        *(Size(widget, scripts[widget], WIDGET) for widget in widgets),
        Size("everything on, as a shopper's page fetches it", sum(scripts[name] for name in with_page), EVERYTHING),
    ]


def main() -> int:
    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        found = sizes(collected(Path(folder)), len(snippet.for_portal().encode()))
    print("\n".join(map(str, found)))
    return 1 if any(size.is_too_large for size in found) else 0


if __name__ == "__main__":
    sys.exit(main())
