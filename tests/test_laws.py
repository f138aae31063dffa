"""The laws of the house, each with a proof that it sees a planted violation (architecture, smells to refuse)."""

import ast
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import UnionType
from typing import Any, Union

import pytest
from celery import current_app, shared_task
from django.apps import apps
from django.conf import settings
from django.db import IntegrityError, connection, models
from django.test.utils import isolate_apps

from core import clock
from core.constraints import SameMerchant
from core.models import DemoClock, Membership, Merchant, MerchantOwned, SignInLink, SpentToken, User
from events import facts
from events.models import Event, Reaction, Tick
from events.services import record
from integrations import lifecycle
from integrations.models import Cart, Customer, Delivery, Order
from scripts import erd
from tests.conftest import work

PROJECT = Path(settings.BASE_DIR)
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
ROOT_PACKAGES = PYPROJECT["tool"]["importlinter"]["root_packages"]
OURS = [name for name in ROOT_PACKAGES if name != "scripts"]


# Imports: the contracts of pyproject.toml

PLANTS = [
    ("storeys", "events/planted.py", "from integrations import models"),
    ("storeys", "core/planted.py", "import visitors"),
    ("storeys", "events/planted.py", "from nomo_flow.celery import app"),
    ("rooms", "events/bus.py", "import events.services"),
    ("rooms", "integrations/models.py", "from integrations import lifecycle"),
    ("rooms", "integrations/tasks.py", "from integrations import handlers"),
    ("mirror-json", "features/planted.py", "from core import webhooks"),
    ("mirror-json", "events/planted.py", "from core.salla_values import id_of"),
    ("mirror-json", "coupons/planted.py", "from integrations.payloads import Order"),
    ("scripts", "core/planted.py", "from scripts import servers"),
    ("scripts", "nomo_flow/planted.py", "import scripts.sandbox"),
    ("sandbox", "scripts/sandbox/planted.py", "from core import clock"),
]
LAWFUL = [
    ("features/planted.py", "from integrations import services"),
    ("visitors/planted.py", "from core import schema"),
    ("notifications/planted.py", "from coupons import apps"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what import-linter reads."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ROOT_PACKAGES:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(PROJECT / "pyproject.toml", copy)
    return copy


def broken_contracts(tree: Path) -> set[str]:
    """Names of the contracts that import-linter finds broken there."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = subprocess.run(
        [sys.executable, "-c", program, "--config", "pyproject.toml", "--no-logo", "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)", result.stdout, re.MULTILINE))
    assert set(verdicts) == {contract["name"] for contract in CONTRACTS.values()}, result.stdout + result.stderr
    assert (result.returncode == 0) == ("BROKEN" not in verdicts.values())
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


def broken_by(tree: Path, path: str, line: str) -> set[str]:
    """What one more line in one file breaks."""
    file = tree / path
    before = file.read_text() if file.exists() else None
    try:
        file.write_text(f"{before or ''}\n{line}\n")
        return broken_contracts(tree)
    finally:
        file.unlink() if before is None else file.write_text(before)


def test_import_contracts_are_kept(tree: Path) -> None:
    assert broken_contracts(tree) == set()


@pytest.mark.parametrize(("contract", "path", "line"), PLANTS)
def test_a_planted_import_is_caught(tree: Path, contract: str, path: str, line: str) -> None:
    assert CONTRACTS[contract]["name"] in broken_by(tree, path, line)


@pytest.mark.parametrize(("path", "line"), LAWFUL)
def test_a_lawful_import_is_not(tree: Path, path: str, line: str) -> None:
    assert broken_by(tree, path, line) == set()


def test_every_contract_has_a_plant() -> None:
    assert {contract for contract, _, _ in PLANTS} == set(CONTRACTS)


def test_every_app_stands_in_the_contracts() -> None:
    installed = {config.name for config in apps.get_app_configs() if Path(config.path).parent == PROJECT}
    folders = {path.parent.name for path in PROJECT.glob("*/apps.py")}
    assert installed == folders == set(OURS) - {"nomo_flow"}
    assert CONTRACTS["storeys"]["layers"] == OURS
    assert CONTRACTS["rooms"]["containers"] == OURS[1:]


# Source: what ruff does not know

LONGEST_FUNCTION, LONGEST_VIEW, LONGEST_FILE = 40, 25, 400
Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Finder = Callable[[ast.Module], Iterable[ast.AST | None]]


@dataclass
class Law:
    """`find` gives the guilty nodes; `allowed` says which files may, and why; the snippets prove that it sees."""

    find: Finder
    guilty: list[str]
    innocent: list[str] = field(default_factory=list)
    allowed: dict[str, str] = field(default_factory=dict)
    files: str = "*.py"

    def breaches(self, source: str) -> list[int]:
        return [getattr(node, "lineno", 1) for node in self.find(ast.parse(source))]


def sources() -> dict[str, str]:
    """Our own code: no tests, no migrations."""
    files = [file for name in OURS for file in sorted((PROJECT / name).rglob("*.py"))]
    paths = {str(file.relative_to(PROJECT)): file for file in files if "migrations" not in file.parts}
    return {path: file.read_text() for path, file in paths.items() if not file.name.startswith("test_")}


def attributes(*names: str) -> Finder:
    return lambda tree: (n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in names)


def calls_of(*names: str) -> Finder:
    return lambda tree: (n for n in calls(tree) if isinstance(n.func, ast.Attribute) and n.func.attr in names)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def imported(node: ast.AST) -> list[str]:
    """Modules, and `module.name` of each name taken from one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def imports_of(*modules: str) -> Finder:
    def find(tree: ast.Module) -> Iterator[ast.AST]:
        for node in ast.walk(tree):
            if any(name == module or name.startswith(f"{module}.") for name in imported(node) for module in modules):
                yield node

    return find


def local_imports(tree: ast.Module) -> Iterator[ast.AST]:
    for function in functions(tree):
        for node in ast.walk(function):
            if any(name.split(".")[0] in OURS for name in imported(node)):
                yield node


def keywords(*names: str) -> Finder:
    return lambda tree: (n for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg in names)


def longer_than(limit: int) -> Finder:
    return lambda tree: (f for f in functions(tree) if (f.end_lineno or 0) - f.lineno + 1 > limit)


def long_file(tree: ast.Module) -> list[None]:
    return [None] if tree.body and (tree.body[-1].end_lineno or 0) > LONGEST_FILE else []


def undocumented(tree: ast.Module) -> list[None]:
    """A package's empty `__init__.py` says nothing and needs to say nothing."""
    return [None] if tree.body and not ast.get_docstring(tree) else []


def name_of(node: ast.AST | None) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return ast.unparse(node).split(".")[-1] if node is not None else ""


def swallowed(tree: ast.Module) -> Iterator[ast.AST]:
    """Everything caught and nothing said."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            is_broad = any(kind is None or name_of(kind) in {"Exception", "BaseException"} for kind in kinds)
            is_silent = all(isinstance(s, ast.Pass | ast.Continue | ast.Break) or is_constant(s) for s in node.body)
            if is_broad and is_silent:
                yield node
    for call in calls(tree):
        if name_of(call) == "suppress" and {name_of(arg) for arg in call.args} & {"Exception", "BaseException"}:
            yield call


def is_constant(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr | ast.Return):
        return node.value is None or isinstance(node.value, ast.Constant)
    return False


def positional_tasks(tree: ast.Module) -> Iterator[ast.AST]:
    """Only `@shared_task` makes a task, and it takes keyword arguments."""
    for function in functions(tree):
        names = {name_of(decorator) for decorator in function.decorator_list}
        arguments = function.args
        is_positional = bool(arguments.posonlyargs or arguments.args or arguments.vararg)
        if "task" in names or ("shared_task" in names and is_positional):
            yield function


def overridden_writes(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (f for f in node.body if isinstance(f, FUNCTIONS) and f.name in {"save", "delete"})


def doors_without_merchant(tree: ast.Module) -> Iterator[ast.AST]:
    """`get_object_or_404(Order, …)` would look through every store's orders; `(merchant.orders, …)` does not."""
    for call in calls(tree):
        if name_of(call) in {"get_object_or_404", "get_list_or_404"} and isinstance(call.args[0], ast.Name):
            yield call


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
            "events/tasks.py": "the sweeper: it claims due reactions of every store",
            "integrations/embedded.py": "asks whether a store it was given has the app",
            "integrations/lifecycle.py": "makes and locks the one connection of a store it was given",
            "integrations/services.py": "the sweeper: it finds the connections whose tokens will soon expire",
            "integrations/sync.py": "marks the one connection of a store it was given",
            "integrations/tasks.py": "the sweeper: it claims the readings of every store that are due",
            "integrations/translate.py": "reads the one connection of a store it was given, which may have none",
            "integrations/tokens.py": "reads and locks the one connection of a store it was given",
            "nomo_flow/health.py": "counts rows of every store and names none",
            "notifications/services.py": "the sweeper: it finds the cards of every store that went on long ago",
            "notifications/tasks.py": "the sweeper: it claims the alerts of every store that are due",
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
            "integrations/tokens.py": "takes an advisory lock",
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

UNOWNED = {User, SignInLink, SpentToken, Merchant, Membership, DemoClock, Delivery, Tick}


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.split(".")[0] in OURS]


def owned() -> list[type[models.Model]]:
    return [model for model in our_models() if issubclass(model, MerchantOwned)]


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


# Models: PostgreSQL refuses another store's row

GUARDS = [(model, each) for model in owned() for each in model._meta.constraints if isinstance(each, SameMerchant)]


@pytest.mark.parametrize(("model", "guard"), GUARDS, ids=[guard.name for _, guard in GUARDS])
@pytest.mark.django_db
def test_the_guard_stands_in_the_database(model: type[models.Model], guard: SameMerchant) -> None:
    if model._meta.proxy:
        pytest.skip("its table is its parent's")
    key: Any = model._meta.get_field(guard.field)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [guard.name])
        (definition,) = cursor.fetchone()
    target = key.remote_field.model._meta.db_table
    assert definition == (
        f"FOREIGN KEY (merchant_id, {key.column}) REFERENCES {target}(merchant_id, id) DEFERRABLE INITIALLY DEFERRED"
    )


def check_now() -> None:
    """From here to the end of the transaction every statement is checked at once."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def an_event(merchant: Merchant) -> Event:
    event = record(merchant, facts.OrderDeleted(order_id=1), key="order:1:deleted")
    assert event is not None
    return event


def a_customer(merchant: Merchant) -> Customer:
    return merchant.customers.create(salla_id=7, name="نورة", source_updated_at=clock.now())


def test_a_reaction_cannot_take_another_stores_event(merchant: Merchant, other_merchant: Merchant) -> None:
    event = an_event(merchant)
    Reaction.unscoped.bulk_create([Reaction(merchant=merchant, event=event, handler="a")])
    check_now()
    with pytest.raises(IntegrityError, match="events_reaction_same_merchant"):
        Reaction.unscoped.bulk_create([Reaction(merchant=other_merchant, event=event, handler="b")])


@pytest.mark.parametrize("model", [Order, Cart])
def test_an_order_or_cart_cannot_take_another_stores_customer(
    model: Any, merchant: Merchant, other_merchant: Merchant
) -> None:
    customer = a_customer(merchant)
    row = {"salla_id": 1, "customer": customer, "source_updated_at": clock.now()}
    model.unscoped.bulk_create([model(merchant=merchant, **row)])
    check_now()
    with pytest.raises(IntegrityError, match=f"integrations_{model.__name__.lower()}_same_merchant"):
        model.unscoped.bulk_create([model(merchant=other_merchant, **row)])


def test_an_update_cannot_move_a_row_to_another_store(merchant: Merchant, other_merchant: Merchant) -> None:
    order = merchant.orders.create(salla_id=1, customer=a_customer(merchant), source_updated_at=clock.now())
    check_now()
    with pytest.raises(IntegrityError, match="integrations_order_same_merchant"):
        Order.unscoped.filter(pk=order.pk).update(merchant=other_merchant)


def test_a_customer_may_be_erased_and_its_orders_stay(merchant: Merchant) -> None:
    customer = a_customer(merchant)
    order = merchant.orders.create(salla_id=1, customer=customer, source_updated_at=clock.now())
    customer.delete()
    check_now()
    order.refresh_from_db()
    assert order.customer_id is None


# Facts: ids and amounts only

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FREE_TYPES = (facts.Id, facts.Money, facts.Currency, facts.Slug, facts.Code, bool, int, facts.AwareDatetime)
FACT_NAME = re.compile(r"[a-z]+(_[a-z]+)*\.([a-z]+_)?([a-z]+ed|[a-z]+ed_(in|out)|given|paid|sent|left|shown|taken)")
PERSONAL = {
    "name", "phone", "mobile", "tel", "email", "mail", "address", "street", "city", "location", "token", "secret",
    "password", "ip", "agent", "cookie", "birthday", "gender", "avatar", "note", "text", "message", "comment",
    "content", "first", "last", "contact", "url",
}  # fmt: skip


def all_facts() -> list[type[facts.Fact]]:
    found, queue = [], [facts.Fact]
    while queue:
        kind = queue.pop()
        queue += kind.__subclasses__()
        found.append(kind)
    return [kind for kind in found if kind.__module__.split(".")[0] in OURS]


def fact_breaches(kind: type[facts.Fact]) -> Iterator[str]:
    if not kind.model_config.get("frozen") or kind.model_config.get("extra") != "forbid":
        yield "is not frozen and strict"
    name = kind.__dict__.get("name")
    if name is not None and (not FACT_NAME.fullmatch(name) or len(name) > Event._meta.get_field("name").max_length):
        yield f"{name} is no noun.past"
    hints = typing.get_type_hints(kind, include_extras=True)
    for each in kind.model_fields:
        if set(each.split("_")) & PERSONAL:
            yield f"{each} smells of a person"
        if not is_bare(hints[each]):
            yield f"{each} may hold anything"


def is_bare(hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin in {Union, UnionType, tuple}:
        return all(is_bare(part) for part in typing.get_args(hint) if part not in (type(None), Ellipsis))
    return any(hint == allowed for allowed in FREE_TYPES)


def test_every_fact_is_bare() -> None:
    assert {kind.__name__: list(fact_breaches(kind)) for kind in all_facts()} == {
        kind.__name__: [] for kind in all_facts()
    }
    assert {kind.__dict__["name"] for kind in all_facts() if "name" in kind.__dict__} == facts.names()
    assert len(facts.names()) >= 30


def test_planted_facts_are_seen() -> None:
    planted: dict[str, Any] = {
        "order_note": (str, ""),
        "contact": (facts.Slug, ""),
        "anything": (dict[str, int], {}),
        "words": (tuple[str, ...], ()),
        "amount": (Decimal, Decimal(0)),
    }
    annotations = {name: hint for name, (hint, _) in planted.items()}
    defaults = {name: default for name, (_, default) in planted.items()}
    kind: Any = type("Planted", (facts.Fact,), {"__annotations__": annotations, "__module__": "planted", **defaults})
    assert sorted(fact_breaches(kind)) == [
        "amount may hold anything",
        "anything may hold anything",
        "contact smells of a person",
        "order_note may hold anything",
        "order_note smells of a person",
        "words may hold anything",
    ]
    loose: Any = type("Loose", (facts.Fact,), {"__module__": "planted", "model_config": {"frozen": False}})
    assert list(fact_breaches(loose)) == ["is not frozen and strict"]


@pytest.mark.parametrize("name", ["order.place", "OrderPlaced", "orders", "order.placed.twice", "order paid", ".paid"])
def test_a_name_that_is_no_past_is_seen(name: str) -> None:
    assert FACT_NAME.fullmatch(name) is None


@pytest.mark.django_db
def test_recorded_bodies_leave_no_person_in_the_log(deliver: Callable[..., Any]) -> None:
    """Names, phones, e-mails and tokens of the samples, searched in every fact that they became."""
    bodies = [file.read_bytes() for file in sorted((PROJECT / "tests/salla/payloads").glob("*.json"))]
    personal: set[str] = set()
    for body in map(json.loads, bodies):
        personal |= personal_values(body)
        if str(body.get("merchant", "")).isdigit():
            lifecycle.install(int(body["merchant"]), at=LONG_AGO)
    for raw in bodies:
        deliver(raw)
    work()
    rows = Event.unscoped.values_list("data", "key", "visitor_key")
    log = json.dumps(list(rows), ensure_ascii=False)
    assert len(rows) >= 20
    assert len(personal) >= 20
    assert {value for value in personal if value in log} == set()


def personal_values(data: Any, key: str = "") -> set[str]:
    if isinstance(data, dict):
        return set().union(*(personal_values(value, name) for name, value in data.items()))
    if isinstance(data, list):
        return set().union(*(personal_values(value, key) for value in data))
    is_personal = key in {"first_name", "last_name", "mobile", "email", "phone", "contact", "access_token", "ip"}
    return {str(data)} if is_personal and len(str(data or "")) > 3 else set()


# Facts: nobody changes one

CHANGES: dict[str, Callable[[Event], object]] = {
    "save": lambda event: event.save(),
    "update": lambda event: Event.unscoped.filter(pk=event.pk).update(data={}),
    "update nothing": lambda event: Event.unscoped.filter(pk=event.pk).update(key=event.key),
    "bulk_update": lambda event: Event.unscoped.bulk_update([event], ["name"]),
    "upsert": lambda event: Event.unscoped.bulk_create(
        [event], update_conflicts=True, update_fields=["name"], unique_fields=["merchant", "key"]
    ),
    "sql": lambda event: connection.cursor().execute("UPDATE events_event SET visitor_key = 'x'"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_fact_cannot_be_changed(change: str, merchant: Merchant) -> None:
    event = an_event(merchant)
    with pytest.raises(IntegrityError, match="facts are append-only"):
        CHANGES[change](event)


def test_a_fact_can_be_deleted(merchant: Merchant) -> None:
    event = an_event(merchant)
    event.delete()
    assert Event.unscoped.count() == 0


# The drawing of the tables


def run_erd(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process that knows no database and no secrets."""
    env = {"PATH": os.defpath, "DATABASE_URL": "", "REDIS_URL": "", "SECRET_KEY": ""}
    command = [sys.executable, "scripts/erd.py", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


def test_the_drawing_is_what_the_models_say() -> None:
    result = run_erd("--check")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_drawing_shows_every_table_key_and_guard() -> None:
    text = erd.document()
    tables = {model._meta.db_table for model in our_models()}
    drawn = set(re.findall(r"^Table (\w+)", text, re.MULTILINE))
    assert drawn == tables | {"core_user_groups", "core_user_user_permissions"}
    ends = "events_reaction.(merchant_id, event_id) > events_event.(merchant_id, id)"
    for line in [
        f"Ref events_reaction_same_merchant: {ends}",
        "  body_sha256 bytea [not null, unique]",
        "Ref: integrations_connection.merchant_id - core_merchant.id",
        "    (merchant_id, key) [unique, name: 'events_event_once']",
        "  Note: 'What a person may do in a store.'",
    ]:
        assert line in text.splitlines()


def test_a_changed_model_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = erd.document().replace("  key varchar(200) [not null]\n", "  key varchar(100) [not null]\n")
    file = tmp_path / "ERD.dbml"
    file.write_text(old)
    monkeypatch.setattr(erd, "FILE", file)
    assert erd.main(["--check"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "docs/ERD.dbml is not what the models say: run `python scripts/erd.py` and commit it."
    assert lines[-2:] == ["-  key varchar(100) [not null]", "+  key varchar(200) [not null]"]
    assert erd.main([]) == 0
    assert erd.main(["--check"]) == 0
    assert file.read_text() == erd.document()
