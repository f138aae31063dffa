"""What the tests of the laws look for, and where: our source and our models."""

import ast
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.db import models

from core.models import Merchant, MerchantOwned
from events import facts
from events.models import Event
from events.services import record

PROJECT = Path(settings.BASE_DIR)
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
ROOT_PACKAGES = PYPROJECT["tool"]["importlinter"]["root_packages"]
OURS = [name for name in ROOT_PACKAGES if name != "scripts"]


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
    return {path: file.read_text() for path, file in paths.items() if not file.name.startswith(("test_", "conftest"))}


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


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model.__module__.split(".")[0] in OURS]


def owned() -> list[type[models.Model]]:
    return [model for model in our_models() if issubclass(model, MerchantOwned)]


def an_event(merchant: Merchant) -> Event:
    event = record(merchant, facts.OrderDeleted(order_id=1), key="order:1:deleted")
    assert event is not None
    return event
