"""Nothing secret enters the trail: a value whose name sounds secret is replaced, however deep it stands."""

import json
import re
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

SECRET = re.compile(
    r"(api_?key|secret|passw|passphrase|token|authorization|cookie|signature|private|credential|encryption|otp|sealed)",
    re.IGNORECASE,
)
HIDDEN = "•••"


def clean(detail: dict[str, Any]) -> dict[str, Any]:
    """Plain JSON values only, secrets hidden: what is hashed now is what the database gives back later."""
    plain = json.loads(json.dumps(detail, default=_as_text, allow_nan=False))
    return dict(_hide(plain))


def _hide(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: HIDDEN if SECRET.search(name) and inner not in (None, "", True, False) else _hide(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_hide(inner) for inner in value]
    return _storable(value) if isinstance(value, str) else value


def _storable(text: str) -> str:
    """Without what a database column or UTF-8 can't hold: NUL and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _as_text(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return str(value)
