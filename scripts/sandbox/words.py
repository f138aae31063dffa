"""The pages' words, Arabic and English, from `words.json`."""

import json
from pathlib import Path

WORDS: dict[str, tuple[str, str]] = {
    name: (arabic, english)
    for name, (arabic, english) in json.loads(Path(__file__).with_name("words.json").read_text("utf-8")).items()
}


def word(name: str, language: str) -> str:
    """KeyError when a page asks for a word that nobody wrote."""
    return WORDS[name][language == "en"]


def theme(language: str) -> dict[str, dict[str, dict[str, str]]]:
    """What `salla.lang.get` finds, under the names of Salla's themes."""
    return {
        "pages": {
            "cart": {"title": word("cart", language), "free_shipping": word("free_shipping_done", language)},
            "products": {"add_to_cart": word("add_to_cart", language), "out_of_stock": word("sold_out", language)},
        },
        "common": {"elements": {"currency": word("currency", language)}},
    }
