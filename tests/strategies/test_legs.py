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


@pytest.mark.parametrize(
    ("more", "words", "price_words"),
    [
        ({"pick": {"by": "delta", "value": "0.30"}}, "SELL 2 lots NIFTY current week delta nearest 0.3 CE", "MARKET"),
        (
            {"expiry": "month_2", "lots": None, "units": 130},
            "SELL 130 units NIFTY 2nd monthly expiry OTM2 CE",
            "MARKET",
        ),
        (
            {"price_type": "LIMIT", "price_from": {"of": "bid", "offset": "0.5"}, "chase": {"times": 3}},
            "SELL 2 lots NIFTY current week OTM2 CE",
            "LIMIT 0.5 points better than the bid, follows 3 times, every 5 s, then left to rest",
        ),
        (
            {"price_type": "SL", "trigger_from": {"offset": 2}, "price_from": {"of": "trigger", "offset": 1}},
            "SELL 2 lots NIFTY current week OTM2 CE",
            "SL triggered 2 points beyond the last price, 1 points beyond its trigger",
        ),
    ],
)
def test_a_leg_says_in_words_what_it_does(more, words, price_words):
    leg = Leg.model_validate(CALL | more)
    assert (leg.words, leg.price_words) == (words, price_words)
    assert Leg.model_validate(leg.model_dump(mode="json")) == leg


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"units": 65}, "how many lots, or how many units"),
        ({"lots": None}, "how many lots, or how many units"),
        ({"price_type": "LIMIT"}, "needs a price"),
        ({"price_type": "LIMIT", "price": 1, "price_from": {}}, "not both"),
        ({"price_type": "LIMIT", "price_from": {"of": "trigger"}}, "reckoned from its trigger"),
        ({"price_type": "SL", "price": 1}, "needs one trigger"),
        ({"price_type": "SL-M", "trigger_price": 5, "price_from": {}}, "at market has no price"),
        ({"trigger_price": 5}, "only SL and SL-M"),
        ({"price_type": "LIMIT", "price": 1, "chase": {"times": 1}}, "chase"),
        ({"price_type": "LIMIT", "price_from": {"offset": 91, "unit": "percent"}}, "within 90 %"),
        ({"kind": "FUT", "pick": {"by": "delta", "value": "0.3"}}, "no strike to pick"),
        ({"expiry": "expiry_0"}, "neither a rule nor a date"),
        ({"expiry": "week_3"}, "neither a rule nor a date"),
    ],
)
def test_what_does_not_fit_together_is_refused_in_a_sentence(more, sentence):
    with pytest.raises(ValidationError, match=sentence):
        Leg.model_validate(CALL | more)
