"""A schema's complaints, as sentences under the names of the fields."""

from decimal import Decimal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from app.core.errors import Invalid
from app.core.validation import parse


class Leg(BaseModel):
    lots: int = Field(gt=0)


class Strategy(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    price: Decimal | None = None
    legs: list[Leg]

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        if not name.strip():
            raise ValueError("say a name")
        return name


def problems(data) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as caught:
        parse(Strategy, data)
    return caught.value.fields


def test_what_fits_becomes_the_model():
    assert parse(Strategy, {"name": "Fly", "legs": [{"lots": 2}]}).legs[0].lots == 2


def test_each_problem_stands_under_its_own_field():
    fields = problems({"name": " ", "price": "x", "legs": [{"lots": 1}, {"lots": 0}]})
    assert set(fields) == {"name", "price", "legs.1.lots"}
    assert fields["name"] == ["Say a name."]


def test_what_is_missing_and_what_nobody_knows_are_both_named():
    assert set(problems({"legs": [], "colour": "red"})) == {"name", "colour"}


def test_something_else_than_an_object_is_the_bodys_fault():
    assert set(problems("nonsense")) == {"body"}


def test_a_sentence_never_repeats_what_was_sent():
    assert "hunter2" not in str(problems({"name": "Fly", "price": "hunter2", "legs": []}))


def test_every_complaint_is_a_sentence():
    sentences = [text for texts in problems({"price": "x", "legs": [{}]}).values() for text in texts]
    assert all(text[0].isupper() and text.endswith(".") for text in sentences)
