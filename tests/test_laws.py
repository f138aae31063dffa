"""The laws of the house, each with a proof that it sees a planted violation (architecture, smells to refuse)."""

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app, shared_task
from django.db import models
from django.test.utils import isolate_apps

from core.constraints import SameMerchant
from core.models import DemoClock, Membership, Merchant, MerchantOwned, SignInLink, SpentToken, User
from events.models import BadBatch, StreamCursor, Tick
from integrations.models import Delivery
from tests.laws import (
    LONGEST_FUNCTION,
    LONGEST_VIEW,
    PROJECT,
    ROOT_PACKAGES,
    Law,
    attributes,
    calls_of,
    doors_without_merchant,
    imports_of,
    keywords,
    local_imports,
    long_file,
    longer_than,
    our_models,
    overridden_writes,
    owned,
    positional_tasks,
    sources,
    swallowed,
    undocumented,
)

LAWS = {
    "no first-party import inside a function": Law(
        local_imports,
        ["def f():\n    from core import clock", "async def f():\n    if True:\n        import events.services as s"],
        ["from core import clock", "def f():\n    from json import loads"],
    ),
    "no unscoped query": Law(
        attributes("unscoped", "_base_manager", "_default_manager"),
        ["Order.unscoped.all()", "m = models.Order.unscoped", "Order._default_manager.get(pk=1)"],
        ["merchant.orders.all()", "class M:\n    unscoped = models.Manager()"],
        {
            "core/management/commands/doctor.py": "tries the keys on one value of every column",
            "core/management/commands/rotate_keys.py": "rotates the encrypted values of every store",
            "events/services.py": "retention: it deletes the old hours of every store",
            "events/tasks.py": "the sweeper: it claims due reactions of every store",
            "integrations/lifecycle.py": "makes and locks the one connection of a store it was given",
            "integrations/services.py": "the sweeper: it finds the connections whose tokens will soon expire",
            "integrations/sync.py": "marks the one connection of a store it was given",
            "integrations/tasks.py": "the sweeper: it claims the readings of every store that are due",
            "integrations/translate.py": "reads the one connection of a store it was given, which may have none",
            "integrations/tokens.py": "reads and locks the one connection of a store it was given",
            "nomo_flow/health.py": "counts rows of every store and names none",
            "notifications/services.py": "the sweeper: it finds the cards of every store that went on long ago",
            "notifications/tasks.py": "the sweeper: it claims the alerts of every store that are due",
            "visitors/imports.py": "retention: files of any store that nobody went on with",
            "visitors/tasks.py": "the sweeper: it claims the files of every store that wait",
            "visitors/ingest.py": "a batch of beacons is of several stores, and written with the same few queries",
            "visitors/visit_orders.py": "puts orders to the visits of such a batch",
            "visitors/contacts.py": "the sweeper: it finds the opt-ins of every store that are due or old",
            "visitors/suppressions.py": "reads the one key of a store it was given, which may have none",
        },
    ),
    "an object is looked up among its merchant's": Law(
        doors_without_merchant,
        ["get_object_or_404(Order, pk=1)", "shortcuts.get_list_or_404(Order, pk=1)"],
        ["get_object_or_404(merchant.orders, public_id=x)"],
    ),
    "no SQL of our own": Law(
        calls_of("raw", "extra", "cursor", "execute", "executemany"),
        ["Order.objects.raw('…')", "connection.cursor()", "rows.extra(where=['1=1'])"],
        ["rows.filter(pk=1)"],
        {
            "core/clock.py": "asks whether the table of the demo clock is there yet",
            "core/management/commands/doctor.py": "asks the server its version",
            "core/copying.py": "copies rows, which the ORM does not",
            "events/ingest.py": "locks shards and stores (docs/adr/0010)",
            "events/partitions.py": "makes and drops the days of a table",
            "events/tallies.py": "adds to what is there, a batch of rows at once",
            "integrations/tokens.py": "takes an advisory lock",
            "visitors/visit_rows.py": "a batch of visits is two statements, for new ones and for those that went on",
            "integrations/services.py": "the receipt, the hottest write, touches no store's row (docs/adr/0003)",
        },
    ),
    "only the doorbell wakes workers": Law(
        calls_of("delay", "apply_async", "delay_on_commit", "apply_async_on_commit", "send_task"),
        [
            "react.delay()",
            "tasks.react.apply_async(kwargs={})",
            "on_commit(lambda: react.delay_on_commit())",
        ],
        ["doorbell.ring(react)"],
        {"core/doorbell.py": "the doorbell"},
    ),
    "long waits are rows, never the broker's": Law(
        keywords("countdown", "eta"),
        ["react.apply_async(countdown=240)", "task.retry(eta=later)"],
        ["doorbell.ring(react)"],
    ),
    "no signals": Law(
        imports_of("django.db.models.signals", "django.dispatch", "django.core.signals", "celery.signals"),
        [
            "from django.db.models.signals import post_save",
            "from django.db.models import signals",
            "from django.dispatch import receiver",
            "import celery.signals",
        ],
        ["from django.db import models"],
        {
            "core/doorbell.py": "hears that a task begins, so that the next ring goes through",
            "nomo_flow/celery.py": "keeps Celery's hands off the logs, and names the task on their lines",
        },
    ),
    "a task is shared and takes keywords": Law(
        positional_tasks,
        [
            "@shared_task\ndef f(order): ...",
            "@shared_task(bind=True)\ndef f(self, *, pk): ...",
            "@celery.shared_task\ndef f(*ids): ...",
            "@app.task\ndef f(): ...",
        ],
        ["@shared_task\ndef f(): ...", "@shared_task(ignore_result=True)\ndef f(*, pk, **kwargs): ..."],
    ),
    "no logic in save() or delete()": Law(
        overridden_writes,
        ["class A(models.Model):\n    def save(self, *a, **k): ...", "class A:\n    def delete(self): ..."],
        ["def save(merchant): ...", "class A:\n    def clean(self): ..."],
    ),
    "no error is swallowed": Law(
        swallowed,
        [
            "try:\n    f()\nexcept Exception:\n    pass",
            "try:\n    f()\nexcept:\n    return_ = 1\n    pass".replace("return_ = 1", "..."),
            "def g():\n    try:\n        f()\n    except (ValueError, Exception) as e:\n        return None",
            "for x in y:\n    try:\n        f()\n    except BaseException:\n        continue",
            "with contextlib.suppress(Exception):\n    f()",
        ],
        ["try:\n    f()\nexcept ValueError:\n    pass", "try:\n    f()\nexcept Exception:\n    log.exception('f')"],
    ),
    "functions are short": Law(
        longer_than(LONGEST_FUNCTION),
        ["def f():\n" + "    x = 1\n" * 40, "class A:\n    def f(self):\n" + "        x = 1\n" * 40],
        ["def f():\n" + "    x = 1\n" * 39],
    ),
    "views are shorter": Law(
        longer_than(LONGEST_VIEW),
        ["def f():\n" + "    x = 1\n" * 25],
        ["def f():\n" + "    x = 1\n" * 24],
        files="views.py",
    ),
    "files are short": Law(
        long_file,
        ["x = 1\n" * 401],
        ["x = 1\n" * 400],
        {},
    ),
    "a module says what lives in it": Law(
        undocumented,
        ["import json", "X = 1\n'''late'''"],
        ["'''What lives here.'''\nimport json", ""],
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_our_source_obeys(name: str) -> None:
    """Exactly the allowed files need their leave: an unused one is taken back."""
    law = LAWS[name]
    breaches = {path: law.breaches(text) for path, text in sources().items() if Path(path).match(law.files)}
    assert {path: lines for path, lines in breaches.items() if lines and path not in law.allowed} == {}
    assert {path for path, lines in breaches.items() if lines} == set(law.allowed)


@pytest.mark.parametrize(("name", "snippet"), [(name, text) for name, law in LAWS.items() for text in law.guilty])
def test_a_planted_breach_is_seen(name: str, snippet: str) -> None:
    assert LAWS[name].breaches(snippet) != []


@pytest.mark.parametrize(("name", "snippet"), [(name, text) for name, law in LAWS.items() for text in law.innocent])
def test_innocent_code_is_left_alone(name: str, snippet: str) -> None:
    assert LAWS[name].breaches(snippet) == []


def test_our_source_is_found() -> None:
    found = sources()
    assert {"core/clock.py", "events/bus.py", "integrations/views.py", "nomo_flow/settings.py"} <= set(found)
    assert not [path for path in found if "migrations" in path or "/test_" in path]


# Source: what ruff knows, as long as it is told

RUFF = {
    "from django.utils import timezone\n\nX = timezone.now()\n": "TID251",
    "from django.utils.timezone import now\n\nX = now()\n": "TID251",
    "from datetime import UTC, datetime\n\nX = datetime.now(UTC)\n": "TID251",
    "import datetime as dt\n\nX = dt.datetime.now(dt.UTC)\n": "TID251",
    "from datetime import date\n\nX = date.today()\n": "DTZ011",
    "from datetime import datetime\n\nX = datetime(2026, 1, 1)\n": "DTZ001",
    "from celery import Celery\n\napp = Celery()\n": "TID251",
    "from . import clock\n\nX = clock\n": "TID252",
    "def f():\n    import json\n\n    return json\n": "PLC0415",
    "try:\n    X = 1\nexcept Exception:\n    X = 2\n": "BLE001",
    "print('x')\n": "T201",
}
CLOCKS = {"core/clock.py": "the clock", "nomo_flow/celery.py": "the Celery app"}


@pytest.mark.parametrize(("snippet", "rule"), RUFF.items())
def test_ruff_sees_a_planted_breach(snippet: str, rule: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=json"]
    command += ["--stdin-filename", "core/planted.py", "-"]
    result = subprocess.run(command, input=snippet, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert rule in {problem["code"] for problem in json.loads(result.stdout)}
    assert result.returncode == 1


def test_nobody_else_has_leave_to_ask_another_clock() -> None:
    blanket = re.compile(r"#\s*(ruff:\s*noqa|noqa\s*$)", re.MULTILINE)
    assert {path for path, text in sources().items() if re.search(r"noqa[^\n]*\bTID251\b", text)} == set(CLOCKS)
    assert [path for path, text in sources().items() if blanket.search(text)] == []


# Tasks, as Celery knows them


def unlawful_task(task: Any) -> bool:
    kinds = {parameter.kind for parameter in inspect.signature(task.run).parameters.values()}
    keyword_only = {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
    return not re.fullmatch(r"\w+\.tasks\.\w+", task.name) or not kinds <= keyword_only


def test_tasks_live_in_tasks_py_and_take_keywords() -> None:
    ours = [task for name, task in current_app.tasks.items() if name.split(".")[0] in ROOT_PACKAGES]
    assert {task.name for task in ours} >= {
        "events.tasks.pulse",
        "events.tasks.react",
        "integrations.tasks.process_deliveries",
    }
    assert [task.name for task in ours if unlawful_task(task)] == []


def test_a_planted_task_is_seen() -> None:
    @shared_task(name="planted.tasks.with_object")
    def with_object(order: object) -> None: ...

    @shared_task(name="planted.services.elsewhere")
    def elsewhere() -> None: ...

    assert [unlawful_task(with_object), unlawful_task(elsewhere)] == [True, True]


# Models: whose is each row

UNOWNED = {User, SignInLink, SpentToken, Merchant, Membership, DemoClock, Delivery, Tick, StreamCursor, BadBatch}


def breaches_of(model: type[models.Model]) -> list[str]:
    """What is wrong with the model of a store's rows."""
    return [*_manager_breaches(model), *_merchant_breaches(model), *_unique_breaches(model), *_key_breaches(model)]


def _manager_breaches(model: Any) -> Iterator[str]:
    if [manager.name for manager in model._meta.managers] != ["unscoped"] or hasattr(model, "objects"):
        yield "has another manager than unscoped"
    if model._meta.many_to_many:
        yield "has a many-to-many table without a merchant"


def _merchant_breaches(model: Any) -> Iterator[str]:
    names = {each.name for each in model._meta.local_concrete_fields} | {f.name for f in model._meta.concrete_fields}
    key = model._meta.get_field("merchant") if "merchant" in names else None
    if not isinstance(key, models.ForeignKey) or key.remote_field.model is not Merchant:
        yield "has no merchant"
    elif key.null or not key._related_name or key._related_name.endswith("+"):
        yield "its merchant may be null, or has no readable related_name"


def _unique_breaches(model: Any) -> Iterator[str]:
    for each in model._meta.concrete_fields:
        if each.unique and not each.primary_key and each.name not in {"merchant", "public_id"}:
            yield f"{each.name} is unique among all stores"
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint) and "merchant" not in constraint.fields:
            yield f"{constraint.name} lacks the merchant"
    if model._meta.unique_together:
        yield "uses unique_together"


def _key_breaches(model: Any) -> Iterator[str]:
    constraints = model._meta.concrete_model._meta.constraints  # a proxy's stand at its parent
    guarded = {each.field for each in constraints if isinstance(each, SameMerchant)}
    for each in model._meta.concrete_fields:
        target: Any = each.remote_field.model if each.remote_field else None
        if target is None or not issubclass(target, MerchantOwned):
            continue
        if each.name not in guarded:
            yield f"{each.name} may point at another store's row"
        unique = [set(c.fields) for c in target._meta.constraints if isinstance(c, models.UniqueConstraint)]
        if {"merchant", "id"} not in unique:
            yield f"{each.name}: {target.__name__} is not unique by (merchant, id)"


def test_only_listed_models_belong_to_no_store() -> None:
    assert {m for m in our_models() if not issubclass(m, MerchantOwned) and not m._meta.proxy} == UNOWNED
    assert {m._meta.concrete_model for m in our_models() if m._meta.proxy} <= UNOWNED | set(owned())


@pytest.mark.parametrize("model", owned(), ids=lambda model: model.__name__)
def test_rows_of_a_store_are_reached_through_it(model: type[models.Model]) -> None:
    assert breaches_of(model) == []


@isolate_apps("events")
def test_planted_models_are_seen() -> None:
    class Target(MerchantOwned):
        merchant = models.ForeignKey(Merchant, models.CASCADE, related_name="targets")

        class Meta:
            app_label = "events"

    class Planted(MerchantOwned):
        merchant = models.ForeignKey(Merchant, models.CASCADE, null=True)
        code = models.CharField(max_length=9, unique=True)
        target = models.ForeignKey(Target, models.CASCADE)
        objects = models.Manager()

        class Meta:
            app_label = "events"
            constraints = [models.UniqueConstraint(fields=["target"], name="planted_once")]

    class Homeless(MerchantOwned):
        class Meta:
            app_label = "events"

    assert breaches_of(Target) == []
    assert breaches_of(Homeless) == ["has no merchant"]
    assert set(breaches_of(Planted)) == {
        "has another manager than unscoped",
        "its merchant may be null, or has no readable related_name",
        "code is unique among all stores",
        "planted_once lacks the merchant",
        "target may point at another store's row",
        "target: Target is not unique by (merchant, id)",
    }
