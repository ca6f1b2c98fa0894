"""Checks of single request fields and whole objects, with the words OpenAlgo uses when it refuses them.

A check takes the value as it came and returns it as the handlers want it, or raises Invalid with the texts
for that field. Numbers may come as JSON numbers or numeric strings; whole floats become ints.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

Check = Callable[[Any], Any]
REQUIRED = "Missing data for required field."
UNKNOWN = "Unknown field."
NULL = "Field may not be null."
TOO_LARGE = "Number too large."
LARGEST = 2**53  # beyond it a JSON number is no longer exact everywhere


class Invalid(Exception):
    """`errors` is a list of texts, or a mapping of the same for nested values."""

    def __init__(self, errors: Any) -> None:
        super().__init__(str(errors))
        self.errors = errors


def text(minimum: int = 0, maximum: int | None = None) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(["Not a valid string."])
        if maximum is not None and not minimum <= len(value) <= maximum:
            raise Invalid([f"Length must be between {minimum} and {maximum}."])
        if len(value) < minimum:
            raise Invalid([f"Shorter than minimum length {minimum}."])
        return value

    return check


def one_of(*values: str, message: str = "") -> Check:
    allowed = frozenset(values)
    refusal = message or f"Must be one of: {', '.join(values)}."

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(["Not a valid string."])
        if value not in allowed:
            raise Invalid([refusal])
        return value

    return check


def number(message: str = "", above: float = -math.inf, least: float = -math.inf) -> Check:
    """A number > `above` and >= `least`, else `message`."""

    def check(value: Any) -> int | float:
        parsed = _float(value)
        if parsed <= above or parsed < least:
            raise Invalid([message])
        return int(parsed) if parsed.is_integer() else parsed

    return check


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid(["Not a valid number."])
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        raise Invalid(["Not a valid number."]) from None
    if not math.isfinite(parsed):
        raise Invalid(["Special numeric values (nan or infinity) are not permitted."])
    if abs(parsed) > LARGEST:
        raise Invalid([TOO_LARGE])
    return parsed


def integer(message: str = "", least: int | None = None, most: int | None = None) -> Check:
    def check(value: Any) -> int:
        parsed = _int(value)
        if (least is not None and parsed < least) or (most is not None and parsed > most):
            raise Invalid([message])
        return parsed

    return check


def _int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Invalid(["Not a valid integer."])
    try:
        parsed = int(value)
    except (ValueError, OverflowError):
        raise Invalid(["Not a valid integer."]) from None
    if abs(parsed) > LARGEST:
        raise Invalid([TOO_LARGE])
    return parsed


def numeric_text(message: str = "", above: float = -math.inf, least: float = -math.inf) -> Check:
    """A number that must come as a JSON string."""
    inner = number(message, above, least)

    def check(value: Any) -> int | float:
        if not isinstance(value, str):
            raise Invalid(["Not a valid string."])
        parsed: int | float = inner(value)
        return parsed

    return check


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(["Not a valid boolean."])
    return value


def day(value: Any) -> date:
    if not isinstance(value, str) or len(value) != 10:
        raise Invalid(["Not a valid date."])
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Invalid(["Not a valid date."]) from None


def nullable(check: Check) -> Check:
    def checked(value: Any) -> Any:
        return None if value is None else check(value)

    checked.takes_null = True  # type: ignore[attr-defined]  # read by Schema, which refuses null otherwise
    return checked


def list_of(schema: "Schema", least: int, most: int | None, message: str) -> Check:
    def check(value: Any) -> list[dict[str, Any]]:
        if not isinstance(value, list):
            raise Invalid(["Not a valid list."])
        loaded, errors = [], {}
        for index, item in enumerate(value):
            try:
                loaded.append(schema.load(item))
            except Invalid as invalid:
                errors[index] = invalid.errors
        if errors:
            raise Invalid(errors)
        if len(value) < least or (most is not None and len(value) > most):
            raise Invalid([message])
        return loaded

    return check


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    check: Check
    required: bool = False
    default: Any = None
    takes_null: bool = False


def required(name: str, check: Check) -> Field:
    return Field(name, check, required=True)


def optional(name: str, check: Check, default: Any = None) -> Field:
    return Field(name, check, default=default, takes_null=getattr(check, "takes_null", False))


Rule = Callable[[dict[str, Any]], dict[str, list[str]]]


class Schema:
    """Fields in the order in which their errors are listed; unknown fields come last. Rules see clean values only."""

    def __init__(self, *fields: Field, rules: tuple[Rule, ...] = (), ignore_unknown: bool = False) -> None:
        self.fields = fields
        self._names = frozenset(f.name for f in fields)
        self._rules = rules
        self._ignore_unknown = ignore_unknown

    def load(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise Invalid({"_schema": ["Invalid input type."]})
        errors: dict[str, Any] = {}
        loaded = {f.name: _load(f, data, errors) for f in self.fields}
        if not self._ignore_unknown and not self._names.issuperset(data):
            errors.update({name: [UNKNOWN] for name in data if name not in self._names})
        if not errors:
            for rule in self._rules:
                errors.update(rule(loaded))
        if errors:
            raise Invalid(errors)
        return loaded


def _load(f: Field, data: dict[str, Any], errors: dict[str, Any]) -> Any:
    if f.name not in data:
        if f.required:
            errors[f.name] = [REQUIRED]
        return f.default
    value = data[f.name]
    if value is None and not f.takes_null:
        errors[f.name] = [NULL]
        return None
    try:
        return f.check(value)
    except Invalid as invalid:
        errors[f.name] = invalid.errors
        return None
