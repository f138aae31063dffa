"""Rules of webhooks: "payment_method = mada OR price < 50", with text of more words in backticks.

Operators are `=`, `!=`, `<` and `>`, joined by AND and OR. That AND binds closer is not documented; so it is here. A
condition on something that an event does not have does not hold.
"""

import re
from dataclasses import dataclass
from typing import Any

from scripts.sandbox.reading import number
from scripts.sandbox.shapes.common import Json

CONDITION = re.compile(r"\s*([a-z_]+)\s*(!=|=|<|>)\s*(?:`([^`]*)`|([\w.@+:-]+))(?=\s|$)")
JOINT = re.compile(r"\s+(AND|OR)\s")
LONGEST = 1000


class RuleError(ValueError):
    """That is no rule."""


@dataclass(frozen=True)
class Condition:
    name: str
    operator: str
    value: str

    def holds(self, data: Json) -> bool:
        found = attribute(data, self.name)
        if found is None:
            return False
        left, right = number(found), number(self.value)
        if left is not None and right is not None:
            return {"=": left == right, "!=": left != right, "<": left < right, ">": left > right}[self.operator]
        return {"=": str(found) == self.value, "!=": str(found) != self.value}.get(self.operator, False)


Rule = list[list[Condition]]
"""Any of these, where all of those hold."""


def parse(text: str) -> Rule:
    """RuleError when Salla could not have evaluated it."""
    if len(text) > LONGEST:
        raise RuleError("too long")
    rule: Rule = [[]]
    at = 0
    while True:
        condition = CONDITION.match(text, at)
        if condition is None:
            raise RuleError(f"no condition at {at}")
        name, operator, quoted, bare = condition.groups()
        rule[-1].append(Condition(name, operator, bare if quoted is None else quoted))
        at = condition.end()
        if not text[at:].strip():
            return rule
        joint = JOINT.match(text, at)
        if joint is None:
            raise RuleError(f"neither AND nor OR at {at}")
        at = joint.end()
        if joint[1] == "OR":
            rule.append([])


def holds(text: str, data: Any) -> bool:
    """Whether a webhook with this rule is sent; one without a rule always is."""
    if not text:
        return True
    return isinstance(data, dict) and any(all(each.holds(data) for each in row) for row in parse(text))


def attribute(data: Json, name: str) -> Any:
    """What a rule's name means in the body of an event; None when it has no such thing."""
    amounts = data.get("amounts")
    found = data.get(name, amounts.get(name) if isinstance(amounts, dict) else None)
    if found is None and name == "coupon_code":
        return _coupon(data)
    if found is None and name.endswith("_id"):
        owner = data.get(name.removesuffix("_id"))
        found = owner.get("id") if isinstance(owner, dict) else None
    if isinstance(found, dict):
        found = next((found[key] for key in ("amount", "slug", "name") if key in found), None)
    return str(found).lower() if isinstance(found, bool) else found


def _coupon(data: Json) -> Any:
    coupon, amounts = data.get("coupon"), data.get("amounts") or {}
    discounts = [row.get("code") for row in amounts.get("discounts") or [] if isinstance(row, dict)]
    return coupon.get("code") if isinstance(coupon, dict) else next(filter(None, discounts), None)
