"""/webhooks: subscribe, list, events, update, unsubscribe."""

from typing import Any
from urllib.parse import urlsplit

from scripts.sandbox import rules
from scripts.sandbox.catalogue import EVENTS
from scripts.sandbox.merchant_api.envelope import Json, invalid, message, missing, page, success
from scripts.sandbox.merchant_api.gate import Call, Endpoint
from scripts.sandbox.models import Hook
from scripts.sandbox.reading import integer

BAD_URL = "لابد أن يكون الرابط صالح وفعّال (لا يحتوي على localhost أو test.)"
BAD_EVENT = "حقل event غير صالحٍ"


def _good_url(call: Call, url: Any) -> bool:
    """Salla wants a public HTTPS address; here the app's own one passes too."""
    try:
        parts = urlsplit(str(url))
        host = parts.hostname or ""
    except ValueError:
        return False
    if str(url).startswith(f"{call.world.config.app_origin}/"):
        return True
    return parts.scheme == "https" and "." in host and not host.startswith("test.") and "localhost" not in host


def _headers(value: Any) -> dict[str, str]:
    rows = value if isinstance(value, list) else []
    return {str(r["key"]): str(r.get("value", "")) for r in rows if isinstance(r, dict) and "key" in r}


def _problems(call: Call, *, new: bool) -> dict[str, list[str]]:
    body, problems = call.body, {}
    if (new or "url" in body) and not _good_url(call, body.get("url")):
        problems["url"] = [BAD_URL]
    if (new or "event" in body) and body.get("event") not in EVENTS:
        problems["event"] = [BAD_EVENT]
    if integer(body.get("version", 2)) not in (1, 2):
        problems["version"] = ["حقل version غير صالحٍ"]
    if body.get("rule") and integer(body.get("version", 2)) == 1:
        problems["rule"] = ["الشروط متاحة في الإصدار 2 فقط"]
    elif body.get("rule"):
        try:
            rules.parse(str(body["rule"]))
        except rules.RuleError:
            problems["rule"] = ["حقل rule غير صالحٍ"]
    return problems


def _shape(hook: Hook) -> Json:
    return {
        "id": hook.id,
        "name": hook.name,
        "event": hook.event,
        "type": "manual",
        "url": hook.url,
        "version": hook.version,
        "rule": hook.rule,
        "headers": hook.headers,
    }


def subscribe(call: Call) -> Json:
    """The same URL and event again restores the old one instead of making a second."""
    if problems := _problems(call, new=True):
        raise invalid(problems)
    body, hooks = call.body, call.store.hooks
    same = (h for h in hooks.values() if (h.url, h.event) == (body["url"], body["event"]))
    hook = next(same, None) or Hook(call.world.numbers.id(), "", body["event"], body["url"])
    hooks[hook.id] = hook
    _apply(hook, body)
    return success(_shape(hook))


def _apply(hook: Hook, body: Json) -> None:
    hook.name = str(body.get("name", hook.name))
    hook.url, hook.event = str(body.get("url", hook.url)), str(body.get("event", hook.event))
    hook.version = integer(body.get("version", hook.version)) or 2
    hook.rule = str(body.get("rule") or hook.rule)
    if "headers" in body:
        hook.headers = _headers(body["headers"])


def update(call: Call) -> Json:
    hook, body = call.store.hooks.get(call.id()), call.body
    if hook is None:
        raise missing()
    problems = _problems(call, new=False)
    strategy = str(body.get("security_strategy", hook.strategy))
    if strategy not in ("", "signature", "token"):
        problems["security_strategy"] = ["حقل security_strategy غير صالحٍ"]
    if strategy == "signature" and not body.get("secret", hook.secret):
        problems["secret"] = ["حقل secret مطلوب"]
    if problems:
        raise invalid(problems)
    _apply(hook, body)
    hook.strategy, hook.secret = strategy, body.get("secret", hook.secret)
    return success({**_shape(hook), "security": {"strategy": hook.strategy, "secret": hook.secret}})


def listing(call: Call) -> Json:
    return page(list(call.store.hooks.values()), _shape, call.request.query_params, call.url)


def events(call: Call) -> Json:
    return success([{"id": number, "label": label, "event": name} for name, (number, label) in EVENTS.items()])


def unsubscribe(call: Call) -> Json:
    """By id one, by URL all on that URL."""
    query, hooks = call.request.query_params, call.store.hooks
    if query.get("url"):
        doomed = [hook.id for hook in hooks.values() if hook.url == query["url"]]
    else:
        number = integer(query.get("id"))
        if number is None:
            raise invalid({"id": ["يجب أن يكون حقل id عددًا صحيحًا"]})
        doomed = [number] if number in hooks else []
    if not doomed:
        raise missing()
    for number in doomed:
        del hooks[number]
    return message("The Object has been removed successfully", 202)


ENDPOINTS = [
    Endpoint("POST", "/webhooks/subscribe", "webhooks.read_write", subscribe),
    Endpoint("DELETE", "/webhooks/unsubscribe", "webhooks.read_write", unsubscribe),
    Endpoint("GET", "/webhooks", "webhooks.read", listing),
    Endpoint("GET", "/webhooks/events", "webhooks.read", events),
    Endpoint("PUT", "/webhooks/{id}", "webhooks.read_write", update),
]
