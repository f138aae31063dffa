"""Refuses what breaks the design language: physical or unnamed CSS, and words in templates that no catalogue knows."""

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
APPS = ("attributions", "core", "coupons", "events", "features", "integrations", "notifications", "visitors")

# CSS

TOKEN_FILES = {"tokens.css", "admin.css"}  # where a colour may be written out, as a custom property
INSISTING = {"utilities.css"}
PHYSICAL = re.compile(r"(?:.*-)?(?:left|right|top|bottom)(?:-.*)?|(?:min-|max-)?(?:width|height)")
SIDE = re.compile(r"\b(?:left|right)\b")
SIDED = {"text-align", "float", "clear", "background-position", "transform-origin", "object-position", "caption-side"}
NAMED = (
    "black|silver|gr[ae]y|white|maroon|red|purple|fuchsia|green|lime|olive|yellow|navy|blue|teal|aqua|orange|pink|"
    "brown|gold|tomato|crimson|indigo|violet|salmon|coral|beige|ivory|khaki|cyan|magenta|\\w+(?:gr[ae]y|blue|green|red)"
)
COLOUR = re.compile(
    rf"#[0-9a-f]{{3,8}}\b|\b(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch|color)\(|(?<![\w-])(?:{NAMED})(?![\w-])",
    re.IGNORECASE,
)
VARIABLE = re.compile(r"var\(\s*(--[\w-]+)")


class Declaration(NamedTuple):
    line: int
    name: str
    value: str


def declarations(text: str) -> Iterator[Declaration]:
    """Every `name: value` of a stylesheet; comments, selectors and the texts of strings are left out."""
    blank = re.compile(r"/\*.*?\*/|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)
    plain = blank.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for found in re.finditer(r"(?<=[{};])\s*([\w-]+)\s*:([^;{}]*)(?=[;}])", plain):
        yield Declaration(plain.count("\n", 0, found.start(1)) + 1, found[1].lower(), found[2].strip())


def css_faults(file: str, text: str, tokens: set[str]) -> Iterator[str]:
    """`tokens` are the custom properties that any file may use; a file may also define its own."""
    found = list(declarations(text))
    known = tokens | {each.name for each in found if each.name.startswith("--")}
    for each in found:
        for fault in _faults_of(each, file, known):
            yield f"{file}:{each.line}: {fault}"


def _faults_of(each: Declaration, file: str, known: set[str]) -> Iterator[str]:
    name, value = each.name, each.value
    is_token = name.startswith("--")
    if not is_token and PHYSICAL.fullmatch(name):
        yield f"{name} is physical: write its logical name"
    if name in SIDED and SIDE.search(value):
        yield f"{name}: {value} is physical: start or end"
    if name == "letter-spacing" and value != "0":
        yield "letter-spacing breaks the joins of Arabic"
    if name == "text-transform" and value != "none":
        yield "text-transform: Arabic has no capitals"
    if name == "font-style" and value != "normal":
        yield "font-style: Arabic has no italics"
    if "!important" in value and file not in INSISTING:
        yield "!important belongs to the layer utilities"
    if COLOUR.search(value) and not (is_token and file in TOKEN_FILES):
        yield f"{name}: {value} is no token"
    if file not in TOKEN_FILES:
        yield from (f"{unknown} is defined nowhere" for unknown in VARIABLE.findall(value) if unknown not in known)


def stylesheets() -> list[Path]:
    """The dashboard's own. What stands in a shop's page takes the shop's colours and has rules of its own."""
    return sorted((ROOT / "static" / "css").rglob("*.css"))


def tokens() -> set[str]:
    text = (ROOT / "static" / "css" / "parts" / "tokens.css").read_text()
    return {each.name for each in declarations(text) if each.name.startswith("--")}


# Templates

# In no catalogue on purpose: the page that stands alone, the living page's headings, e-mails in plain text.
UNTRANSLATED = {"templates/500.html", "templates/design.html"}
SPOKEN = {"title", "alt", "placeholder", "aria-label", "aria-description", "data-label", "data-confirm"}
SILENT = {"script", "style", "code", "pre", "svg"}
TRANSLATED = re.compile(r"{%\s*blocktrans(?:late)?\b.*?{%\s*endblocktrans(?:late)?\s*%}", re.DOTALL)
COMMENT = re.compile(r"{%\s*comment\b.*?{%\s*endcomment\s*%}|{#.*?#}", re.DOTALL)
TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
LETTER = re.compile(r"[^\W\d_]{2,}")


class Reader(HTMLParser):
    """Collects words and attributes that a reader of the page would meet."""

    def __init__(self) -> None:
        super().__init__()
        self.silent: list[str] = []
        self.faults: list[tuple[int, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self.silent.append(tag)
        for name, value in attrs:
            if name in SPOKEN and LETTER.search(value or ""):
                self.faults.append((self.getpos()[0], f"{name}={value!r} is in no catalogue"))
            if name == "style" or name.startswith("on"):
                self.faults.append((self.getpos()[0], f"{name}= would need an unsafe content policy"))
        if tag == "script" and not any(name in {"src", "type"} for name, _value in attrs):
            self.faults.append((self.getpos()[0], "a script stands in the page"))

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()

    def handle_data(self, data: str) -> None:
        if not self.silent and LETTER.search(data):
            self.faults.append((self.getpos()[0], f"{data.strip()!r} is in no catalogue"))


def template_faults(file: str, text: str) -> Iterator[str]:
    def blank(found: re.Match[str]) -> str:
        return "\n" * found[0].count("\n")

    reader = Reader()
    reader.feed(TAG.sub(blank, TRANSLATED.sub(blank, COMMENT.sub(blank, text))))
    reader.close()
    yield from (f"{file}:{line}: {fault}" for line, fault in reader.faults)


def templates() -> list[Path]:
    """Pages of the dashboard. E-mails carry their style inside, as mail programs want it."""
    folders = [ROOT / "templates", *(ROOT / app for app in APPS)]
    found = sorted(path for folder in folders for path in folder.rglob("*.html"))
    return [path for path in found if str(path.relative_to(ROOT)) not in UNTRANSLATED and "mail" not in path.parts]


def faults() -> list[str]:
    known = tokens()
    css = [fault for path in stylesheets() for fault in css_faults(path.name, path.read_text(), known)]
    html = [fault for path in templates() for fault in template_faults(str(path.relative_to(ROOT)), path.read_text())]
    return css + html


if __name__ == "__main__":
    found = faults()
    print(*found, sep="\n", end="\n" if found else "")
    sys.exit(bool(found))
