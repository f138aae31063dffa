"""Who is held back: the same sum in Python and in the browser, even, and another one for each card."""

import json
import shutil
import subprocess
from itertools import combinations
from pathlib import Path

import pytest
from django.conf import settings

from features.holdout import BUCKETS, arm, fnv1a

PROJECT = Path(settings.BASE_DIR)
VECTORS = json.loads((PROJECT / "tests" / "data" / "holdout.json").read_text())
RULES = PROJECT / "static" / "js" / "storefront" / "rules.js"
STORE = 1305146709
PROBE = """
import { armOf, fnv1a } from "%s";
const { hashes, arms } = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify([
  hashes.map(({ text }) => fnv1a(text)),
  arms.map(({ store, card, salt, bucket, percent }) => armOf(store, card, salt, bucket, percent)),
]));
"""


def test_python_deals_as_written() -> None:
    assert [fnv1a(each["text"]) for each in VECTORS["hashes"]] == [each["fnv1a"] for each in VECTORS["hashes"]]
    assert fnv1a("foobar") == 0xBF9CF968  # of the authors' own list
    dealt = [arm(**{name: value for name, value in each.items() if name != "arm"}) for each in VECTORS["arms"]]
    assert dealt == [each["arm"] for each in VECTORS["arms"]]
    assert {"held", "shown"} <= set(dealt)


def test_the_browser_deals_alike(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not here")
    module = tmp_path / "rules.mjs"
    module.write_text(RULES.read_text())
    probe = tmp_path / "probe.mjs"
    probe.write_text(PROBE % module.as_uri())
    done = subprocess.run([node, probe], input=json.dumps(VECTORS), capture_output=True, text=True, check=True)
    hashes, arms = json.loads(done.stdout)
    assert hashes == [each["fnv1a"] for each in VECTORS["hashes"]]
    assert arms == [each["arm"] for each in VECTORS["arms"]]


def held(card: str, salt: str, percent: int) -> set[int]:
    return {
        bucket
        for bucket in range(BUCKETS)
        if arm(store=STORE, card=card, salt=salt, bucket=bucket, percent=percent) == "held"
    }


@pytest.mark.parametrize("percent", [0, 1, 5, 10, 20, 50])
def test_the_share_is_what_was_asked(percent: int) -> None:
    assert abs(len(held("latest_purchase", "1", percent)) - percent * BUCKETS / 100) <= 150


def test_a_larger_share_holds_the_same_shoppers_and_more() -> None:
    assert held("latest_purchase", "1", 10) < held("latest_purchase", "1", 20)


def test_cards_and_new_starts_are_dealt_on_their_own() -> None:
    """Whoever is held from one card is as likely as anybody to be held from the other."""
    groups = [held(card, salt, 50) for card in ("latest_purchase", "live_counter", "coupons") for salt in ("1", "2")]
    assert all(abs(len(one & other) - BUCKETS / 4) <= 150 for one, other in combinations(groups, 2))
