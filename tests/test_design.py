"""The design language: contrast by arithmetic, the gates and what they catch, and how the parts are drawn."""

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib.messages import constants as levels
from django.template import engines
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import translation

from core.models import User
from core.templatetags import ui
from nomo_flow.design import ARABIC, ENGLISH, ERROR_PAGES, TOKENS, sample_form
from scripts import design_gate, frontend

PROJECT = Path(settings.BASE_DIR)
TOKEN_SHEET = (PROJECT / "static/css/parts/tokens.css").read_text()


def drawn(source: str, **context: Any) -> str:
    return engines["django"].from_string("{% load ui %}" + source).render(context)


# Colours

# Foreground, background, the least contrast: 4.5 for words, 3 for shapes that mean something.
PAIRS = [
    *((name, ground, 4.5) for name in ("text", "muted", "link", "primary") for ground in ("bg", "surface", "sunken")),
    *((name, ground, 4.5) for name in ("text", "primary") for ground in ("tint",)),
    ("on-primary", "primary", 4.5),
    ("on-primary", "primary-strong", 4.5),
    ("on-secondary", "secondary", 4.5),
    ("on-danger", "danger-fill", 4.5),
    *((f"{name}-text", f"{name}-tint", 4.5) for name in ("success", "warning", "danger")),
    *((f"{name}-text", ground, 4.5) for name in ("success", "warning", "danger") for ground in ("bg", "surface")),
    *((name, ground, 3) for name in ("edge", "focus", "success", "warning", "danger") for ground in ("bg", "surface")),
    ("primary", "sunken", 3),
]


def luminance(colour: str) -> float:
    digits = colour.removeprefix("#")
    full = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(full[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def colours() -> dict[str, tuple[str, str]]:
    """Token → its light and its dark value."""
    found = re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", TOKEN_SHEET)
    return {name: (light, dark) for name, light, dark in found}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
def test_contrast(front: str, ground: str, least: float, theme: int) -> None:
    values = colours()
    light, dark = sorted([luminance(values[front][theme]), luminance(values[ground][theme])], reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def test_sallas_palette_is_kept() -> None:
    values = colours()
    assert (values["primary"], values["secondary"]) == (("#004d5b", "#baefe3"), ("#73fcd7", "#baefe3"))
    assert values["bg"] == ("#f8f8f8", "#1d1e20")
    assert (values["success"][1], values["danger"][1]) == ("#00b259", "#f5434a")
    assert set(TOKENS) <= set(values)


# The gates


def test_css_and_templates_keep_the_design_language() -> None:
    assert design_gate.faults() == []
    assert len(design_gate.stylesheets()) >= 9
    assert len(design_gate.templates()) >= 20


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ("a { margin-left: 0 }", "margin-left is physical: write its logical name"),
        ("a{color:inherit;border-top-right-radius:0}", "border-top-right-radius is physical: write its logical name"),
        ("@media print { a { left: 0; } }", "left is physical: write its logical name"),
        ("a { min-width: 1px }", "min-width is physical: write its logical name"),
        ("a { height: 1px }", "height is physical: write its logical name"),
        ("a { text-align: left }", "text-align: left is physical: start or end"),
        ("a { float: right }", "float: right is physical: start or end"),
        ("a { letter-spacing: 0.1em }", "letter-spacing breaks the joins of Arabic"),
        ("a { text-transform: uppercase }", "text-transform: Arabic has no capitals"),
        ("a { font-style: italic }", "font-style: Arabic has no italics"),
        ("a { margin: 0 !important }", "!important belongs to the layer utilities"),
        ("a { color: #FFF }", "color: #FFF is no token"),
        ("a { --mine: #004d5b }", "--mine: #004d5b is no token"),
        ("a { border: 1px solid red }", "border: 1px solid red is no token"),
        ("a { background: rgb(0 0 0 / 5%) }", "background: rgb(0 0 0 / 5%) is no token"),
        ("a { outline-color: DarkSlateGray }", "outline-color: DarkSlateGray is no token"),
        ("a { color: var(--primery) }", "--primery is defined nowhere"),
    ],
)
def test_planted_css_is_caught(planted: str, fault: str) -> None:
    assert list(design_gate.css_faults("page.css", f"/* a: left */\n{planted}", {"--primary"})) == [
        f"page.css:2: {fault}"
    ]


@pytest.mark.parametrize(
    "good",
    [
        "a:hover { color: var(--primary); margin-inline-start: 0 }",
        'a::before { content: "left: #fff"; text-align: start; overflow-x: auto }',
        "@media (width < 40rem) { a { --own: 1px; padding: var(--own); letter-spacing: 0 } }",
        "a { background: transparent; fill: currentcolor; color: CanvasText; white-space: nowrap }",
    ],
)
def test_good_css_passes(good: str) -> None:
    assert list(design_gate.css_faults("page.css", good, {"--primary"})) == []


@pytest.mark.parametrize(
    ("planted", "fault"),
    [
        ("<p>Saved.</p>", "'Saved.' is in no catalogue"),
        ("<p>{% if a %}حُفظت{% endif %}</p>", "'حُفظت' is in no catalogue"),
        ('<input placeholder="Your name">', "placeholder='Your name' is in no catalogue"),
        ('<p style="color: var(--text)"></p>', "style= would need an unsafe content policy"),
        ('<a onclick="go()"></a>', "onclick= would need an unsafe content policy"),
        ("<script>go()</script>", "a script stands in the page"),
    ],
)
def test_planted_words_and_scripts_are_caught(planted: str, fault: str) -> None:
    assert list(design_gate.template_faults("page.html", f"<hr>\n{planted}")) == [f"page.html:2: {fault}"]


def test_translated_words_pass() -> None:
    source = """
      {# note #}<p title="{% translate "A title" %}">{{ name }} · 12</p>
      {% blocktranslate count n=n %}one{% plural %}many{% endblocktranslate %}
      <code>nomo</code>{% comment %}words{% endcomment %}
    """
    assert list(design_gate.template_faults("page.html", source)) == []


# The parts


@pytest.mark.parametrize(("language", "word"), [("ar", "ريال"), ("en", "riyals")])
def test_the_riyal_sign_stands_left_of_the_number(language: str, word: str) -> None:
    with translation.override(language):
        html = drawn("{% money amount %}", amount=Decimal("1234.5"))
    assert re.fullmatch(
        r'<bdi class="money" dir="ltr"><svg .*</svg>&nbsp;1,234\.50</bdi><span class="sr-only"> \w+</span>\s*', html
    )
    assert word in html or language == "ar"  # the catalogue's own gate holds the Arabic word


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("0.005", "SAR", "0.01"),
        ("-12.5", "SAR", "-12.50"),
        ("12.5", "KWD", "KWD&nbsp;12.500"),
        ("1e6", "SAR", "1,000,000.00"),
    ],
)
def test_money_has_the_places_of_its_currency(amount: str, currency: str, shown: str) -> None:
    for language in ("ar", "en"):
        with translation.override(language):
            assert shown in drawn("{% money amount currency %}", amount=Decimal(amount), currency=currency)


def test_numbers_and_moments_are_kept_whole() -> None:
    assert drawn("{{ n|number }}", n=1047500) == '<bdi dir="ltr">1,047,500</bdi>'
    assert drawn("{{ n|number }}", n=None) == "—"


def test_bars_are_as_high_as_their_numbers_and_stand_in_a_table() -> None:
    html = drawn("{% bar_chart 'Orders' points %}", points=[("<b>", 1), ("two", 4), ("none", 0)])
    assert re.findall(r'height="([\d.]+)"', html) == ["25.00", "100.00", "0.00"]
    assert html.count("<tr>") == 4
    assert '<bdi dir="ltr">4</bdi></span></figcaption>' in html
    assert "<b>" not in html
    assert "<svg" not in drawn("{% bar_chart 'Orders' points %}", points=[])
    assert "<svg" in drawn("{% bar_chart 'Orders' points %}", points=[("a", 0)])


@pytest.mark.parametrize("words", [ARABIC, ENGLISH], ids=["ar", "en"])
def test_a_refused_field_is_tied_to_its_error_and_keeps_what_was_typed(words: Any) -> None:
    html = str(sample_form(words, is_wrong=True))
    prefix = f"{words.code}_wrong"
    field = re.search(rf'<input [^>]*id="{prefix}_delay"[^>]*>', html)
    assert field
    for part in ('aria-invalid="true"', f'aria-describedby="{prefix}_delay_error"', f'value="{words.texts["typed"]}"'):
        assert part in field[0]
    assert re.search(rf'<ul class="errorlist" id="{prefix}_delay_error"><li>{words.texts["error_delay"]}', html)
    assert f'aria-describedby="{prefix}_title_helptext"' in html
    assert f'id="{prefix}_title_helptext"' in html
    assert 'role="alert"' in html
    assert 'role="alert"' not in str(sample_form(words, is_wrong=False))


def test_every_control_has_a_label() -> None:
    html = str(sample_form(ARABIC, is_wrong=False))
    for control in re.findall(r'<(?:input|select|textarea) [^>]*id="([^"]+)"', html):
        assert f'for="{control}"' in html or re.search(rf'<label class="switch"><input [^>]*id="{control}"', html)
    assert html.count('role="switch"') == 1


def test_a_form_in_the_admin_is_drawn_by_the_admin() -> None:
    class Small(forms.Form):
        on = forms.BooleanField()

    assert 'role="switch"' not in str(Small()["on"])


# Pages


@pytest.fixture
def open_design(settings: Any) -> None:
    settings.SANDBOX = True


@pytest.mark.usefixtures("open_design")
@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_living_page_shows_every_part_in_both_languages(client: Client, language: str) -> None:
    html = client.get("/design/", headers={"Accept-Language": language}).content.decode()
    assert html.startswith("<!doctype html>")
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in html
    for part in (
        "card",
        "switch",
        "field",
        "table",
        "tabs",
        "dialog",
        "toast",
        "stepper",
        "progress",
        "empty",
        "chart",
    ):
        assert html.count(f'class="{part}') >= 2, part
    for words in (ARABIC, ENGLISH):
        assert words.texts["heading"] in html
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', html)


def test_the_living_page_is_not_for_merchants(client: Client, django_user_model: type[User], db: None) -> None:
    assert client.get("/design/").status_code == 404
    client.force_login(django_user_model.objects.create_user("staff@example.com", is_staff=True))
    assert client.get("/design/").status_code == 200


@pytest.mark.parametrize("language", ["ar", "en"])
@pytest.mark.parametrize("name", ERROR_PAGES)
def test_error_pages_need_no_request_and_no_database(name: str, language: str) -> None:
    with translation.override(language):
        html = render_to_string(f"{name}.html")
    assert name[:3] in html
    assert "csrfmiddlewaretoken" not in html
    if name == "500":
        assert "Something went wrong" in html
        assert "حدث خطأ" in html
        assert "{%" not in (PROJECT / "templates/500.html").read_text()
    else:
        assert f'lang="{language}"' in html


def test_what_no_script_could_show_is_hidden_without_one(client: Client) -> None:
    html = client.get("/").content.decode()
    assert re.search(r'<button class="[^"]*needs-script"[^>]*data-theme-toggle', html)
    assert 'href="#content"' in html
    assert 'role="status"' in html
    assert re.search(r"content='{\"allowEval\": false, \"includeIndicatorStyles\": false", html)


def test_the_language_is_switched_by_a_form(client: Client) -> None:
    assert 'lang="ar"' in client.get("/", headers={"Accept-Language": "ar"}).content.decode()
    answer = client.post("/i18n/setlang/", {"language": "en", "next": "/"}, headers={"Accept-Language": "ar"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert '<html lang="en" dir="ltr">' in client.get("/", headers={"Accept-Language": "ar"}).content.decode()


@pytest.mark.parametrize("level", ["info", "success", "warning", "error"])
def test_messages_are_toasts(level: str) -> None:
    assert level in levels.DEFAULT_TAGS.values()
    request = RequestFactory().get("/")
    html = render_to_string("components/toast.html", {"text": "<b>", "level": level}, request)
    assert f'class="toast {level}"' in html
    assert "&lt;b&gt;" in html


# What npm brings


def test_the_lock_names_no_download_address() -> None:
    lock = (PROJECT / "package-lock.json").read_text()
    package = json.loads((PROJECT / "package.json").read_text())
    assert "resolved" not in lock
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        entry = json.loads(lock)["packages"][f"node_modules/{name}"]
        assert entry["version"] == version
        assert entry["integrity"].startswith("sha512-")


def test_without_npm_nothing_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(frontend.shutil, "which", lambda _name: None)
    assert frontend.main() == 1
    assert capsys.readouterr().err == "npm is missing: pages will use this machine's fonts.\n"


@pytest.mark.parametrize("is_pinned", [True, False])
def test_only_the_pinned_sdk_is_placed(is_pinned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the package, only the browser's bundle and its licence."""
    packed, home = tmp_path / "packed.tgz", tmp_path / "vendor"
    with tarfile.open(packed, "w:gz") as archive:
        for name in ("package/LICENSE", "package/dist/@salla.sa/twilight.min.js", "package/postInstall.js"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            archive.addfile(member, io.BytesIO(name.encode()))
    monkeypatch.setattr(frontend, "npm", lambda *given: shutil.copy(packed, Path(given[-1]) / "sdk.tgz") and None)
    twilight = replace(frontend.PACKAGES[0], home=home)
    if is_pinned:
        pin = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
        assert frontend.place(replace(twilight, sha512=pin)) is None
        placed = {file.name: file.read_text() for file in home.iterdir()}
        assert placed == {"LICENSE": "package/LICENSE", "twilight.min.js": "package/dist/@salla.sa/twilight.min.js"}
    else:
        assert frontend.place(twilight) == "@salla.sa/twilight@2.14.570 is not the package that was pinned"
        assert not home.exists()


def test_what_npm_brings_is_never_committed() -> None:
    brought = ["static/vendor/fonts/fonts.css", "scripts/sandbox/static/vendor/twilight.min.js", "node_modules/x"]
    brought += ["visitors/vendor/countries.mmdb"]
    found = subprocess.run(["git", "check-ignore", *brought], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == brought


@pytest.mark.parametrize("there", [True, False])
def test_fonts_are_named_only_where_they_are(there: bool, monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(ui.finders, "find", lambda path: path if there else None)
    monkeypatch.setattr(ui, "staticfiles_storage", SimpleNamespace(url=lambda path: f"/static/{path}"))
    ui.font_addresses.cache_clear()
    html = client.get("/").content.decode()
    ui.font_addresses.cache_clear()
    assert ("fonts.css" in html, 'rel="preload"' in html) == (there, there)


def test_our_script_is_small_and_knows_no_sides() -> None:
    source = (PROJECT / "static/js/dashboard.js").read_text()
    assert len(source.splitlines()) < 200
    assert not re.search(r"\b(left|right)\b|innerHTML|eval\(", source)
