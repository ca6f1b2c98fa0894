from datetime import UTC, date, datetime, time

import pytest

from app.core.clock import INDIA
from app.core.errors import Invalid
from app.instruments.models import Fact, FactKind, Holiday, HolidayKind
from tests.instruments.conftest import NOW


def fact(value, day=date(2026, 12, 1), kind=FactKind.FREEZE_QUANTITY):
    return Fact(kind=kind, exchange="NFO", subject="NIFTY", value=value, effective_from=day, source="circular")


def test_seeding_again_adds_nothing(instruments):
    assert instruments.seed() > 100
    assert instruments.seed() == 0


def test_every_fact_and_holiday_names_its_source(instruments):
    instruments.seed()
    assert all(row.source for row in instruments.facts())
    assert all(row.source for row in instruments.holidays(2026))


@pytest.mark.parametrize(
    ("exchange", "name", "day", "lot"),
    [
        ("NFO", "NIFTY", date(2025, 12, 31), 75),
        ("NFO", "NIFTY", date(2026, 11, 19), 65),
        ("NFO", "BANKNIFTY", date(2026, 11, 19), 30),
        ("NFO", "FINNIFTY", date(2026, 11, 19), 60),
        ("NFO", "MIDCPNIFTY", date(2026, 11, 19), 120),
        ("NFO", "NIFTYNXT50", date(2026, 11, 19), 25),
        ("BFO", "SENSEX", date(2026, 11, 19), 20),
        ("NFO", "NOSUCH", date(2026, 11, 19), None),
    ],
)
def test_the_lot_of_a_day(instruments, exchange, name, day, lot):
    instruments.seed()
    assert instruments.lot_size(exchange, name, day) == lot


FREEZES = [
    ("NFO", "NIFTY", date(2026, 11, 19), 1800), ("NFO", "MIDCPNIFTY", date(2026, 11, 19), 2800),
    ("NFO", "NIFTYNXT50", date(2026, 11, 19), 600), ("BFO", "SENSEX", date(2026, 11, 19), 1000),
    ("BFO", "BANKEX", date(2026, 11, 19), 900),
    ("NFO", "BANKNIFTY", date(2025, 6, 30), 900), ("NFO", "BANKNIFTY", date(2025, 7, 1), 600),
    ("NFO", "BANKNIFTY", date(2025, 9, 1), 900), ("NFO", "BANKNIFTY", date(2025, 11, 3), 600),
    ("NFO", "BANKNIFTY", date(2026, 11, 19), 600),
    ("NFO", "FINNIFTY", date(2025, 11, 30), 1800), ("NFO", "FINNIFTY", date(2025, 12, 1), 1200),
    ("NFO", "FINNIFTY", date(2026, 2, 1), 1800),
]  # fmt: skip


@pytest.mark.parametrize(("exchange", "name", "day", "units"), FREEZES)
def test_the_freeze_quantity_of_a_day(instruments, exchange, name, day, units):
    instruments.seed()
    found = instruments.rulings(NOW).holding(FactKind.FREEZE_QUANTITY, exchange, name, day)
    assert found.value == str(units)


@pytest.mark.parametrize(
    ("exchange", "day", "hours"),
    [
        ("NFO", date(2026, 7, 31), "09:15-15:30"),
        ("NFO", date(2026, 8, 3), "09:15-15:40"),  # the closing auction moved the end of derivatives
        ("BFO", date(2026, 8, 3), "09:15-15:40"),
        ("NSE", date(2026, 8, 3), "09:15-15:30"),
        ("NFO", date(2026, 2, 1), "09:15-15:30"),  # a Sunday: the Union Budget
        ("MCX", date(2026, 2, 1), "09:00-17:00"),
        ("NFO", date(2026, 2, 8), ""),
        ("NFO", date(2026, 11, 24), ""),
        ("MCX", date(2026, 11, 24), "17:00-23:55"),
    ],
)
def test_the_hours_of_a_day(instruments, exchange, day, hours):
    instruments.seed()
    session = instruments.calendar(NOW).session(exchange, day)
    told = [f"{one.astimezone(INDIA):%H:%M}" for one in (session.opens, session.closes)] if session else []
    assert "-".join(told) == hours


def test_the_price_of_an_underlying_has_a_place(instruments):
    instruments.seed()
    day = date(2026, 11, 19)
    assert instruments.spot_symbol("NFO", "NIFTY", day) == ("NSE_INDEX", "NIFTY")
    assert instruments.spot_symbol("BFO", "SENSEX", day) == ("BSE_INDEX", "SENSEX")
    assert instruments.spot_symbol("NFO", "RELIANCE", day) == ("NSE", "RELIANCE")
    assert instruments.spot_symbol("MCX", "GOLD", day) is None


def test_a_persons_fact_is_kept_when_the_desk_starts_again(instruments):
    instruments.seed()
    instruments.record_fact(fact("65", date(2026, 1, 1), FactKind.LOT_SIZE))
    instruments.record_fact(fact("70", date(2026, 1, 1), FactKind.LOT_SIZE))
    instruments.seed()
    assert instruments.lot_size("NFO", "NIFTY", date(2026, 2, 1)) == 70


@pytest.mark.parametrize("value", ["", "0", "-5", "NaN", "1e30", "many", "💥"])
def test_a_size_that_is_no_size_changes_nothing(instruments, value):
    with pytest.raises(Invalid) as refused:
        instruments.record_fact(fact(value))
    assert "value" in refused.value.fields
    assert instruments.facts() == []


def test_a_holiday_made_known_today_closes_the_exchange(instruments):
    instruments.seed()
    monday = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    assert instruments.calendar(NOW).is_open("NSE", monday)
    closed = Holiday(exchange="NSE", date=date(2026, 11, 23), name="Mourning", kind=HolidayKind.TRADING, source="NSE")
    instruments.record_holidays([closed])
    assert not instruments.calendar(NOW).is_open("NSE", monday)


def test_a_holiday_can_become_a_special_session(instruments):
    instruments.seed()
    evening = Holiday(
        exchange="NSE", date=date(2026, 11, 8), name="Muhurat", kind=HolidayKind.SPECIAL,
        opens=time(18, 0), closes=time(19, 0), source="NSE",
    )  # fmt: skip
    instruments.record_holidays([evening])
    assert instruments.calendar(NOW).is_open("NSE", datetime(2026, 11, 8, 13, 0, tzinfo=UTC))
