"""Positions and money: nothing appears and nothing is lost."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from app.paper import margin
from app.paper.charges import brokerage, charges
from app.paper.contracts import Contract
from app.paper.ledger import Ledger, Position
from app.paper.margin import Line

CASH = Decimal(1_000_000)
PAISA = Decimal("0.01")


def contract(symbol="SBIN", kind="EQ", name="SBIN", strike=0) -> Contract:
    expiry = None if kind == "EQ" else date(2026, 11, 24)
    exchange = "NSE" if kind == "EQ" else "NFO"
    return Contract(symbol, exchange, name, kind, expiry, Decimal(strike), 1, Decimal("0.05"), 1, symbol, hash(symbol))


fills = st.lists(
    st.tuples(
        st.sampled_from(["AAA", "BBB"]),
        st.sampled_from([1, -1]),
        st.integers(1, 500),
        st.integers(1, 20000).map(lambda n: n * Decimal("0.05")),
    ),
    max_size=40,
)
prices = st.integers(1, 20000).map(lambda n: n * Decimal("0.05"))


@given(fills, prices)
def test_money_and_positions_agree_after_any_fills(made, ltp):
    ledger = Ledger(CASH, margin.live)
    for symbol, side, quantity, price in made:
        found = ledger.position(contract(symbol, name=symbol), "MIS")
        found.apply(side, quantity, price)
        ledger.blocked[symbol] = ledger.required(symbol, [], lambda _: ltp)
    positions = ledger.positions.values()
    assert abs(ledger.available + ledger.utilised - CASH - ledger.realised) < PAISA
    traded = sum((p.sold_value - p.bought_value for p in positions), Decimal(0))
    worth = sum((p.quantity * ltp for p in positions), Decimal(0))
    unrealised = sum((p.unrealised(ltp) for p in positions), Decimal(0))
    assert abs(ledger.realised + unrealised - traded - worth) < PAISA
    assert all(p.quantity == p.bought - p.sold for p in positions)


def test_an_average_weighs_the_fills():
    position = Position(contract(), "MIS")
    position.apply(1, 100, Decimal(10))
    position.apply(1, 300, Decimal(20))
    assert position.average == Decimal("17.5")


def test_selling_part_realises_that_part():
    position = Position(contract(), "MIS")
    position.apply(1, 100, Decimal(10))
    position.apply(-1, 40, Decimal(15))
    assert (position.realised, position.quantity, position.average) == (200, 60, 10)


def test_a_position_can_turn_over():
    position = Position(contract(), "MIS")
    position.apply(1, 100, Decimal(10))
    position.apply(-1, 150, Decimal(12))
    assert (position.realised, position.quantity, position.average) == (200, -50, 12)


def test_a_short_option_binds_span_and_exposure_of_its_notional():
    call = contract("NIFTY24NOV2626050CE", "CE", "NIFTY", 26050)
    needed = margin.live([Line(call, "NRML", -65, Decimal(9000), Decimal("26013.2"))])
    assert (needed.span, needed.exposure) == (Decimal("169085.80"), Decimal("33817.160"))


def test_a_long_option_binds_its_premium():
    call = contract("NIFTY24NOV2626050CE", "CE", "NIFTY", 26050)
    assert margin.live([Line(call, "NRML", 65, Decimal(9000), Decimal(26000))]).total == 9000


def test_a_hedge_makes_a_short_option_cheaper():
    short = Line(contract("NIFTY24NOV2626050CE", "CE", "NIFTY"), "NRML", -65, Decimal(9000), Decimal(26000))
    long = Line(contract("NIFTY24NOV2626200CE", "CE", "NIFTY"), "NRML", 65, Decimal(3000), Decimal(26000))
    alone, hedged = margin.live([short]).total, margin.live([short, long]).total
    assert alone / 2 < hedged < alone


def test_brokerage_is_capped_per_order_however_it_fills():
    future = contract("NIFTY24NOV26FUT", "FUT", "NIFTY")
    whole = charges(future, "NRML", 1, Decimal(0), Decimal(2_000_000))
    halves = [charges(future, "NRML", 1, Decimal(n * 1_000_000), Decimal(1_000_000)) for n in (0, 1)]
    assert abs(whole - sum(halves)) <= PAISA
    assert brokerage("future", Decimal(2_000_000)) == 20


def test_delivery_pays_no_brokerage_but_its_taxes():
    cost = charges(contract(), "CNC", 1, Decimal(0), Decimal(100_000))
    assert Decimal(100) < cost < Decimal(130)
