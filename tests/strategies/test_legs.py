"""A leg as a person writes it: codes in any case, whole lots, and an exchange."""

import pytest
from pydantic import ValidationError

from app.strategies.legs import Leg

CALL = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}


def test_codes_may_be_written_in_small_letters_with_blanks_around_them():
    leg = Leg(**CALL | {"underlying": " nifty ", "exchange": "nfo", "strike": "otm2"})
    assert (leg.underlying, leg.exchange, leg.strike) == ("NIFTY", "NFO", "OTM2")
    assert Leg(action="BUY", kind="SYMBOL", symbol="m&m", lots=1).symbol == "M&M"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lots", True),
        ("lots", 0),
        ("lots", 1.5),
        ("exchange", ""),
        ("exchange", "  "),
        ("underlying", "NIFTY 50"),
        ("underlying", "नि"),
        ("underlying", ""),
        ("underlying", True),
        ("symbol", "x" * 41),
        ("strike", "what"),
    ],
)
def test_what_is_no_code_or_no_number_of_lots_is_refused(field, value):
    with pytest.raises(ValidationError):
        Leg(**CALL | {field: value})
