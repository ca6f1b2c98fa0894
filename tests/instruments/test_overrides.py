"""What an admin overrules counts above the venue at once, in every process, and is never erased."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from app.audit.trail import Trail
from app.core.clock import day_in_india
from app.core.errors import Denied, Invalid
from app.feed.bands import Bands
from app.instruments.checks import clean, problems
from app.instruments.overrides import Overrides
from app.instruments.service import InstrumentService
from app.venues.types import Symbol
from tests.feed.hands import NIFTY, HandClock
from tests.instruments.conftest import ListedBy, chain, equity

CLOCK = HandClock()
TODAY = day_in_india(CLOCK.now())
EXPIRY = date(2026, 12, 29)


@pytest.fixture
def instruments(db) -> InstrumentService:
    return InstrumentService(db, CLOCK)


@pytest.fixture
def listed(instruments):
    """NIFTY options of which the venue itself says a freeze quantity."""
    instruments.seed()
    lists = ListedBy({"NFO": chain("NIFTY", EXPIRY, 24000, 24200, 100), "NSE": [equity("SBIN")]})
    instruments.sync(lists, ["NFO", "NSE"], CLOCK.now(), "openalgo", "zerodha")
    return instruments


@pytest.fixture
def trail(db):
    return Trail(db, CLOCK)


@pytest.fixture
def overrides(db, listed, trail):
    return Overrides(db, CLOCK, trail, listed.forget)


def asked(value="900", kind="freeze_quantity", day=TODAY, subject="NIFTY", exchange="NFO", reason="Broker's limit"):
    return clean(kind, exchange, subject, value, day.isoformat(), "A circular", reason)


def row(instruments):
    return instruments.find("openalgo", "NFO", "NIFTY29DEC2624000CE")


def test_an_override_counts_above_the_venue_and_what_shipped_from_its_day_on(listed, overrides):
    overrides.set(asked("900"))
    assert row(listed).freeze_quantity == 900
    assert listed.freeze_quantity(row(listed), TODAY) == 900
    assert listed.freeze_quantity(row(listed), TODAY - timedelta(days=1)) == 900  # the row is as it counts today
    overrides.set(asked("70", "lot_size", TODAY + timedelta(days=1)))
    assert row(listed).lot_size == 65
    overrides.set(asked("70", "lot_size"))
    assert {one.lot_size for one in listed.listed("openalgo", "NFO", "NIFTY", EXPIRY)} == {Decimal(70)}
    assert {one.lot_size for one in listed.search("nifty ce")} == {Decimal(70)}
    assert listed.find_listed("openalgo", "NFO", "NIFTY29DEC2624000CE").lot_size == 65


def test_one_contract_may_be_overruled_alone(listed, overrides):
    overrides.set(asked("0.1", "tick", subject="NIFTY29DEC2624000CE"))
    assert row(listed).tick == Decimal("0.1")
    assert listed.find("openalgo", "NFO", "NIFTY29DEC2624000PE").tick == Decimal("0.05")


def test_circuit_limits_on_record_judge_prices_until_the_override_ends(listed, overrides):
    clock = HandClock()
    clock.moment = CLOCK.now()
    bands = Bands(listed.rulings, clock)
    assert bands(NIFTY) is None
    made = overrides.set(asked("10", "price_band", subject=NIFTY.name, exchange=NIFTY.exchange))
    overrides.set(asked("20", "price_band", subject="*", exchange=NIFTY.exchange))
    assert bands(NIFTY) is None, "what is on record is looked at every few seconds"
    clock.forward(6)
    assert (bands(NIFTY), bands(Symbol(NIFTY.exchange, "OTHER"))) == (Decimal("0.1"), Decimal("0.2"))
    overrides.end(made.id, "It may move freely again")
    clock.forward(6)
    assert bands(NIFTY) == Decimal("0.2")


@pytest.mark.parametrize("value", ["0", "-5", "101", "twenty", "1.234"])
def test_circuit_limits_are_percents(overrides, value):
    with pytest.raises(Invalid):
        overrides.set(asked(value, "price_band", subject="*"))


def test_an_ended_override_counts_no_more_and_stays_in_the_history(listed, overrides, trail):
    made = overrides.set(asked("900"))
    ended = overrides.end(made.id, "The list is right again")
    assert listed.freeze_quantity(row(listed), TODAY) == 1800
    assert (ended.until, ended.end_reason) == (TODAY, "The list is right again")
    assert [one.id for one in overrides.list()] == [made.id]
    with pytest.raises(Denied, match="ended already"):
        overrides.end(made.id, "Again")
    told = trail.find(action="instrument.")
    assert [entry.action for entry in told] == ["instrument.override_ended", "instrument.override_set"]
    assert (told[1].detail["before"], told[1].detail["after"], told[1].detail["reason"]) == (
        "1800",
        "900",
        "Broker's limit",
    )


def test_another_one_for_the_same_day_replaces_the_first(listed, overrides):
    overrides.set(asked("900"))
    overrides.set(asked("600"))
    assert listed.freeze_quantity(row(listed), TODAY) == 600
    newest, first = overrides.list()
    assert newest.ended_at is None
    assert first.end_reason == "Replaced by another one for the same day."


def test_another_process_notices_within_moments(db, listed, overrides):
    other = InstrumentService(db)
    now = CLOCK.now()
    monday = datetime(2027, 3, 1, 6, 0, tzinfo=now.tzinfo)
    assert other.calendar(now).is_open("NSE", monday)
    overrides.set(asked("closed Mourning", "day", date(2027, 3, 1), "", "NSE"))
    assert not other.calendar(now + timedelta(seconds=6)).is_open("NSE", monday)
    assert other.calendar(now + timedelta(seconds=6)).is_open("NFO", monday)


def test_hours_can_be_overruled_for_some_days_only(listed, overrides):
    made = overrides.set(asked("mon-sun 10:00-11:00", "session", TODAY, "", "NSE"))
    days = listed.calendar(CLOCK.now())
    assert days.session("NSE", TODAY).opens.minute == 30  # ten o'clock in India
    overrides.end(made.id, "Over")
    usual = listed.calendar(CLOCK.now()).session("NSE", date(2026, 11, 19))
    assert (usual.closes - usual.opens) == timedelta(hours=6, minutes=15)


def test_a_holiday_can_be_taken_back_and_a_special_session_added(listed, overrides):
    christmas = datetime(2026, 12, 25, 6, 0, tzinfo=CLOCK.now().tzinfo)
    assert not listed.calendar(CLOCK.now()).is_open("NSE", christmas)
    made = overrides.set(asked("ordinary", "day", christmas.date(), "", "NSE"))
    assert listed.calendar(CLOCK.now()).is_open("NSE", christmas)
    overrides.end(made.id, "It is one after all")
    assert not listed.calendar(CLOCK.now()).is_open("NSE", christmas)
    overrides.set(asked("18:15-19:15 Muhurat", "day", date(2027, 10, 30), "", "NSE"))  # a Saturday
    evening = datetime(2027, 10, 30, 13, 0, tzinfo=CLOCK.now().tzinfo)
    assert listed.calendar(CLOCK.now()).is_open("NSE", evening)
    assert listed.calendar(CLOCK.now()).holiday("NSE", date(2027, 10, 30)) == "Muhurat"


@pytest.mark.parametrize("wrong, field", [
    ({"kind": "lots"}, "kind"),
    ({"exchange": "NFX"}, "exchange"),
    ({"subject": "NIFTTY"}, "subject"),
    ({"subject": "*"}, "subject"),
    ({"subject": ""}, "subject"),
    ({"value": "0"}, "value"),
    ({"value": "NaN"}, "value"),
    ({"value": "1e99999999"}, "value"),
    ({"value": "65.5"}, "value"),
    ({"kind": "session", "subject": "", "value": "mon-fri 15:30-09:15"}, "value"),
    ({"kind": "session", "subject": "", "value": "fri-mon 09:15-15:30"}, "value"),
    ({"kind": "session", "subject": "", "value": "💥"}, "value"),
    ({"kind": "session", "subject": "NIFTY", "value": "always"}, "subject"),
    ({"kind": "day", "subject": "", "value": "closed"}, "value"),
    ({"kind": "day", "subject": "", "value": "25:00-26:00 X"}, "value"),
    ({"kind": "spot", "value": "NIFTY"}, "value"),
    ({"day": date(1999, 1, 1)}, "effective_from"),
    ({"reason": " "}, "reason"),
])  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_changes(overrides, wrong, field):
    with pytest.raises(Invalid) as refused:
        overrides.set(asked(**wrong))
    assert list(refused.value.fields) == [field]
    assert overrides.list() == []


def test_every_shipped_value_would_pass_as_an_override(instruments, overrides):
    known = overrides.known()
    for one in known.rulings.all:
        again = clean(one.kind, one.exchange, one.subject, one.value, one.effective_from.isoformat(), one.source, "r")
        assert (again.value, again.subject) == (one.value, one.subject)
        assert not problems(again, known.exchanges), one
