"""Positions and profit at average cost."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.portfolio.pnl import FLAT, Position, Trade, add_up, fold, realised, since, total, unrealised


def trades(*pairs, fee="0"):
    return [Trade(Decimal(quantity), Decimal(str(price)), Decimal(fee)) for quantity, price in pairs]


def test_buying_twice_averages_the_cost():
    position = fold(trades((75, 100), (75, 110)))
    assert (position.quantity, position.average_price, position.realised) == (150, 105, 0)
    assert unrealised(position, Decimal(120)) == 2250


def test_selling_a_part_realises_against_the_average():
    position = fold(trades((75, 100), (75, 110), (-50, 120)))
    assert (position.quantity, position.average_price, position.realised) == (100, 105, 750)


def test_a_short_position_gains_when_the_price_falls():
    position = fold(trades((-75, 200)))
    assert (position.quantity, position.average_price) == (-75, 200)
    assert unrealised(position, Decimal(180)) == 1500
    assert fold(trades((75, 180)), position).realised == 1500


def test_a_trade_through_zero_closes_first_and_opens_the_rest_at_its_own_price():
    position = fold(trades((75, 100), (-100, 130)))
    assert (position.quantity, position.average_price, position.realised) == (-25, 130, 2250)


def test_flat_is_neutral():
    position = fold(trades((75, 100), (-75, 110)))
    assert position.is_flat
    assert position.average_price is None
    assert unrealised(position, None) == 0
    assert total(position, None) == 750


def test_fees_come_off_what_was_realised():
    position = fold(trades((75, 100), (-75, 110), fee="12.50"))
    assert realised(position) == 725


def test_without_a_price_the_profit_is_unknown_and_not_zero():
    position = fold(trades((75, 100)))
    assert unrealised(position, None) is None
    assert total(position, None) is None


def test_a_fill_without_a_price_counts_as_quantity_and_makes_the_profit_unknown():
    position = fold([*trades((75, 100)), Trade(Decimal(-75), None)])
    assert position.quantity == 0
    assert realised(position) is None
    assert position.average_price is None


def test_a_days_profit_is_what_was_realised_since_the_opening_and_what_is_open():
    opening = fold(trades((75, 100), (-25, 110)))
    position = fold(trades((-25, 120)), opening)
    assert since(opening, position, Decimal(115)) == 25 * 20 + 25 * 15


def test_a_sum_with_an_unknown_part_is_unknown():
    assert add_up([Decimal(1), Decimal(2)]) == 3
    assert add_up([Decimal(1), None]) is None
    assert add_up([]) == 0


PRICES = st.decimals("0.01", "99999.99", places=2)
QUANTITIES = st.decimals("-5000", "5000", places=3).filter(bool)
TRADES = st.lists(st.builds(Trade, QUANTITIES, PRICES, st.decimals("0", "100", places=2)), max_size=40)


@given(TRADES, PRICES)
def test_nothing_leaks_profit_is_cash_and_what_is_held_is_worth(made, price):
    position = fold(made)
    cash = -sum((trade.quantity * trade.price for trade in made), Decimal(0))
    assert position.quantity == sum((trade.quantity for trade in made), Decimal(0))
    assert position.realised + unrealised(position, price) == cash + position.quantity * price
    assert position.fees == sum((trade.fee for trade in made), Decimal(0))


@given(TRADES)
def test_the_cost_has_the_side_of_the_quantity_and_is_zero_when_flat(made):
    position = fold(made)
    if position.is_flat:
        assert position.cost == 0
    else:
        assert position.cost * position.quantity > 0


@given(TRADES, st.integers(0, 40))
def test_folding_in_two_parts_is_folding_at_once(made, cut):
    assert fold(made[cut:], fold(made[:cut])) == fold(made)


@given(TRADES, PRICES)
def test_a_position_closed_at_a_price_realises_what_was_open_at_it(made, price):
    position = fold(made)
    closed = fold([Trade(-position.quantity, price)] if position.quantity else [], position)
    assert closed.is_flat
    assert closed.realised == position.realised + unrealised(position, price)


def test_the_empty_position_is_the_start():
    assert fold([]) == FLAT == Position()
