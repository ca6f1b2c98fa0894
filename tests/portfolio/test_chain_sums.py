"""The sums of an option chain, held against examples worked out by hand."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from app.portfolio.chain_sums import Interest, at_money, max_pain, payouts, ratio, straddle, total, window

CHAINS = json.loads((Path(__file__).parents[1] / "data" / "chains.json").read_text())["chains"]
LADDER = [Decimal(strike) for strike in (25900, 25950, 26000, 26050, 26100)]


def amount(text):
    return None if text is None else Decimal(text)


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain["what"])
def test_sums_are_those_worked_out_by_hand(chain):
    interests = {Decimal(k): Interest(amount(call), amount(put)) for k, (call, put) in chain["interests"].items()}
    calls, puts = (total(getattr(one, side) for one in interests.values()) for side in ("call", "put"))
    pcr = ratio(puts, calls)

    assert max_pain(interests) == amount(chain["max_pain"])
    assert (None if pcr is None else round(pcr, 4)) == amount(chain["put_call_ratio"])
    if chain["payouts"]:
        assert payouts(interests) == {Decimal(strike): Decimal(paid) for strike, paid in chain["payouts"].items()}


def test_there_is_no_ratio_to_no_calls():
    assert ratio(Decimal(5), Decimal(0)) is None
    assert ratio(None, Decimal(5)) is None


@pytest.mark.parametrize(
    ("money", "before", "expected"),
    [
        (26010, None, 26000),
        (26026, None, 26050),
        (26026, 26000, 26000),  # past the middle, not clearly
        (26031, 26000, 26050),
        (26024, 26050, 26050),
        (26019, 26050, 26000),
        (26110, 26000, 26100),  # two strikes in one jump
        (26010, 12345, 26000),  # a strike that is not listed any more
        (30000, None, 26100),
    ],
)
def test_the_strike_at_the_money_moves_when_its_neighbour_is_clearly_nearer(money, before, expected):
    found = at_money(Decimal(money), LADDER, None if before is None else Decimal(before))

    assert found == expected


def test_an_empty_ladder_has_no_money():
    assert at_money(Decimal(26000), []) is None


def test_the_window_ends_with_the_ladder():
    assert window(LADDER, Decimal(25900), 1) == LADDER[:2]
    assert window(LADDER, Decimal(26000), 1) == LADDER[1:4]
    assert window(LADDER, None, 1) == LADDER[1:4]
    assert window([], None, 5) == []


def test_a_straddle_needs_both_sides():
    assert straddle(Decimal("120.5"), Decimal("99.5")) == 220
    assert straddle(Decimal("120.5"), None) is None
