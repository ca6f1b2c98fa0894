"""Turning a schema's complaints into field-level sentences, once, where a wrong value enters."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from app.core.errors import Invalid

Model = TypeVar("Model", bound=BaseModel)


def no_boolean(value: Any) -> Any:
    """Before a number is read: Python takes true for 1; nobody who says it means that."""
    if isinstance(value, bool):
        raise ValueError("this must be a number")
    return value


def parse(model: type[Model], data: Any) -> Model:
    """The data as the model; raises Invalid with one list of sentences per field ("legs.0.lots")."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Invalid(sentences(error)) from None


def sentences(error: ValidationError) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(str(part) for part in problem["loc"]) or "body"
        text = problem["msg"].removeprefix("Value error, ")
        fields.setdefault(name, []).append(text[0].upper() + text[1:] + ("" if text.endswith(".") else "."))
    return fields
