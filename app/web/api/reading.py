"""A request's JSON body and query as values that were checked once, with a sentence per wrong field."""

import json
import re
from decimal import Decimal
from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from app.core.errors import Invalid, NotFound
from app.core.validation import parse
from app.web.api.shapes import ID, Nothing

Model = TypeVar("Model", bound=BaseModel)

NUL = re.compile(rb"\x00|\\u0000")
HUGE = 60  # digits before or behind the point that no number of ours has


def read_body(model: type[BaseModel] | None) -> BaseModel | None:
    """Raises 415 for another content type, 400 for what is no JSON, Invalid for the wrong fields."""
    data = request.get_data()
    if model is None and not data:
        return None
    if not request.is_json:
        raise UnsupportedMediaType
    if NUL.search(data):
        raise Invalid.field("body", "Text must not have the character U+0000.")
    value = from_json(data)
    if not isinstance(value, dict):
        raise Invalid.field("body", "This must be a JSON object.")
    return parse(model or Nothing, value)


def read_query(model: type[Model]) -> Model:
    asked = request.args.to_dict()
    if any("\x00" in text for text in asked.values()):
        raise Invalid.field("query", "Text must not have the character U+0000.")
    return parse(model, asked)


def check_ids(ids: dict[str, Any]) -> None:
    """What can't be an id names nothing: the database is not asked."""
    for name, value in ids.items():
        if name.endswith("_id") and not re.fullmatch(ID, str(value)):
            raise NotFound("There is nothing with this id.")


def from_json(data: bytes) -> Any:
    """Every number with a point as a Decimal, also those JSON does not know: the field refuses them by name."""
    try:
        return json.loads(data, parse_float=_exact, parse_constant=Decimal)
    except (ValueError, RecursionError):
        raise BadRequest from None


def _exact(text: str) -> Decimal:
    """A number with an absurd exponent is no number: reckoning with it could take forever."""
    value = Decimal(text)
    return value if abs(value.adjusted()) <= HUGE else Decimal("NaN")
