"""HTML pages from `templates/`, in Arabic unless English is asked for."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from scripts.sandbox import words
from scripts.sandbox.clock import plain, riyadh
from scripts.sandbox.shapes.common import plain_number, status_name

HERE = Path(__file__).resolve().parent
COOKIE = "lang"


def _riyals(value: float) -> str:
    """`1٬250` or `12.50`, with a thousands separator and no useless decimals."""
    number = plain_number(value)
    return f"{number:,}" if isinstance(number, int) else f"{number:,.2f}"


def _pretty(text: str) -> str:
    """A JSON body as people read it; anything else as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text


def _time(at: float) -> str:
    return riyadh(at).strftime("%H:%M")


environment = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters |= {"riyals": _riyals, "moment": plain, "time": _time, "pretty": _pretty}


def language(request: Request) -> str:
    asked = request.query_params.get("lang") or request.cookies.get(COOKIE) or "ar"
    return "en" if asked == "en" else "ar"


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page; the asked language is kept in a cookie."""
    lang = language(request)

    def word(name: str) -> str:
        return words.word(name, lang)

    def status_word(slug: str) -> str:
        return status_name(slug, lang)

    def method_word(slug: str) -> str:
        return words.word(f"method_{slug}", lang)

    world = request.app.state.world
    text = environment.get_template(template).render(
        lang=lang, dir="ltr" if lang == "en" else "rtl", t=word, status_word=status_word, method_word=method_word,
        world=world, config=world.config, path=request.url.path, **context,
    )  # fmt: skip
    answer = HTMLResponse(text, status)
    if request.query_params.get("lang") in ("ar", "en"):
        answer.set_cookie(COOKIE, lang, max_age=31_536_000, samesite="lax")
    return answer


def wrong(request: Request, status: int, text: str) -> Response:
    """A plain page that says what is wrong."""
    return page(request, "wrong.html", status, code=status, text=text)
