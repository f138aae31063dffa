"""Keeps `locale/ar` in step with the source: `update` collects its words, `check` refuses what is missing or left over.

A card's words stand in its own folder's `locale/ar`, so that one folder is the whole card.
Django's makemessages needs GNU gettext; Babel, already a dependency, does not.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FILE = Path("locale", "ar", "LC_MESSAGES", "django.po")  # in its home: the project, or a card's folder
APPS = [
    "attributions",
    "core",
    "coupons",
    "events",
    "features",
    "integrations",
    "nomo_flow",
    "notifications",
    "visitors",
]
HEADER = "# Arabic words of Nomo Flow, as a Saudi product writer says them."
# Babel's own formula for Arabic takes 13 for a hundred.
PLURAL = "n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5"
NEW = f'msgid ""\nmsgstr "Plural-Forms: nplurals=6; plural={PLURAL};\\n"\n'
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


def homes() -> list[Path]:
    """Folders with a catalogue of their own."""
    return [ROOT, *(path.parent for app in APPS for path in sorted((ROOT / app).glob("cards/*/card.py")))]


def home_of(path: Path) -> Path:
    """The nearest one around the file."""
    return next((home for home in homes()[1:] if home in path.parents), ROOT)


def sources() -> Iterator[tuple[Path, str]]:
    """Every file with words for people, as Python that calls gettext."""
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if "migrations" not in path.parts and not path.name.startswith("test_"):
                yield path, path.read_text()
    folders = [ROOT / "templates", *(ROOT / app for app in APPS)]
    for path in sorted(path for folder in folders for kind in ("*.html", "*.txt") for path in folder.rglob(kind)):
        # Its lines keep the template's indents, at which Python's tokenizer stumbles.
        yield path, "\n".join(map(str.lstrip, templatize(path.read_text(), origin=str(path)).split("\n")))


def collected(home: Path) -> Catalog:
    """All words of its sources, without translations."""
    catalog = Catalog(locale="ar")
    for path, text in sources():
        if home_of(path) != home:
            continue
        found = extract("python", io.BytesIO(text.encode()), KEYWORDS, ["Translators:"])
        for _line, message, comments, context in found:
            catalog.add(message, auto_comments=comments, context=context)
    return catalog


def translated(home: Path) -> Catalog:
    if not (home / FILE).exists():
        return read_po(io.BytesIO(NEW.encode()), locale="ar")
    with (home / FILE).open("rb") as file:
        return read_po(file, locale="ar")


def update(home: Path) -> None:
    catalog = translated(home)
    words = collected(home)
    words.creation_date = catalog.creation_date  # today's would make every change meet every other
    catalog.update(words, no_fuzzy_matching=True)
    catalog.header_comment, catalog.fuzzy = HEADER, False
    catalog.project, catalog.version = "Nomo Flow", "1"
    catalog.last_translator = catalog.language_team = "Nomo Flow"
    (home / FILE).parent.mkdir(parents=True, exist_ok=True)
    with (home / FILE).open("wb") as file:
        write_po(file, catalog, width=0, sort_output=True, ignore_obsolete=True)


def problems(home: Path) -> list[str]:
    """What keeps its Arabic catalogue from being complete, one line each."""
    source, catalog = collected(home), translated(home)
    found = [f"not in the catalogue: {m.id!r}" for m in source if m.id and catalog.get(m.id, m.context) is None]
    for message in catalog:
        if not message.id:
            continue
        if source.get(message.id, message.context) is None:
            found.append(f"no longer in the source: {message.id!r}")
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if not all(forms) or (message.pluralizable and len(forms) != 6):
            found.append(f"not translated: {message.id!r}")
        if message.fuzzy:
            found.append(f"fuzzy: {message.id!r}")
        found += [f"{message.id!r}: {error}" for error in message.check(catalog)]
    return found


def main() -> None:
    if sys.argv[1:] == ["update"]:
        for home in homes():
            update(home)
    elif sys.argv[1:] != ["check"]:
        sys.exit("usage: catalogue.py update|check")
    found = [f"{home.relative_to(ROOT)}: {problem}" for home in homes() for problem in problems(home)]
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found) and sys.argv[1] == "check")


if __name__ == "__main__":
    main()
