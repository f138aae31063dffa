"""Compares an answer with a published sample: the same keys, the same kinds of values, recursively."""

from typing import Any

NOTHING = "nothing"


def kind(value: Any) -> str:
    """Integers and floats are one kind; so are the two empties of PHP; null says nothing."""
    if value is None or value in ([], {}):
        return NOTHING
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {str: "text", list: "list", dict: "object"}[type(value)]


def differences(sample: Any, answer: Any, path: str = "") -> list[str]:
    """Each as `path: what`; list positions are written `[]`."""
    if NOTHING in (kind(sample), kind(answer)):
        strict = kind(sample) != NOTHING and answer is None
        return [f"{path}: null instead of {kind(sample)}"] if strict else []
    if kind(sample) != kind(answer):
        return [f"{path}: {kind(answer)} instead of {kind(sample)}"]
    if isinstance(sample, dict):
        return _of_objects(sample, answer, path)
    if isinstance(sample, list):
        return _of_lists(sample, answer, path)
    return []


def _of_objects(sample: dict[str, Any], answer: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{key}: missing" for key in sample if key not in answer]
    found += [f"{path}.{key}: not in the sample" for key in answer if key not in sample]
    for key in sample:
        if key in answer:
            found += differences(sample[key], answer[key], f"{path}.{key}")
    return found


def _of_lists(sample: list[Any], answer: list[Any], path: str) -> list[str]:
    """Every element is like the first of the sample, which is its fullest."""
    found: list[str] = []
    for element in answer:
        found += differences(sample[0], element, f"{path}[]")
    return sorted(set(found))
