"""When a schedule enters and leaves: by its rules, the calendar of its exchanges, and the clocks of three places."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.core.clock import INDIA
from app.instruments.models import HolidayKind
from app.instruments.trading_days import Hours, SpecialDay, TradingDays, parse_hours
from app.strategies.market_days import MarketDays
from app.strategies.schedule import (
    DAYS,
    Schedule,
    Slot,
    Today,
    day_of,
    leaves,
    moment,
    next_entry,
    obstacle,
    slots,
    verdict,
)

MONDAY = date(2026, 11, 16)
HOLIDAY, MUHURAT, SHORT = date(2026, 11, 24), date(2026, 11, 8), date(2026, 11, 18)
LONG_AGO = date(2000, 1, 1)
ODD = {
    ("NFO", HOLIDAY): SpecialDay(HolidayKind.TRADING, "Guru Nanak Jayanti"),
    ("NFO", MUHURAT): SpecialDay(HolidayKind.SPECIAL, "Muhurat trading", time(18, 15), time(19, 15)),
    ("NFO", SHORT): SpecialDay(HolidayKind.SPECIAL, "Half day", time(9, 15), time(12, 30)),
    ("NFO", date(2026, 11, 17)): SpecialDay(HolidayKind.SETTLEMENT, "Settlement holiday"),
}
EXPIRY = date(2026, 11, 23)  # the Monday: its Tuesday is a holiday
HOURS = {
    "NFO": [(LONG_AGO, parse_hours("mon-fri 09:15-15:30")), (date(2026, 8, 3), parse_hours("mon-fri 09:15-15:40"))],
    "MCX": [(LONG_AGO, parse_hours("mon-fri 09:00-23:55"))],
    "NSE": [(LONG_AGO, parse_hours("mon-fri 09:15-15:30"))],
    "CRYPTO": [(LONG_AGO, Hours())],
}
TRADING = TradingDays(HOURS, ODD)


def market(*exchanges: str, expiry: date | None = EXPIRY) -> MarketDays:
    return MarketDays(TRADING, exchanges or ("NFO",), lambda day: expiry if expiry is None or day <= expiry else None)


def rules(*entries: str, **more: object) -> Schedule:
    return Schedule.model_validate({"entries": entries, **more})


def india(day: date, at: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), INDIA)


def of_day(schedule: Schedule, day: date, calendar: MarketDays | None = None) -> list[Slot]:
    return slots(schedule, calendar or market(), india(day, "00:00"), india(day + timedelta(days=1), "00:00"))


def only(schedule: Schedule, day: date, calendar: MarketDays | None = None) -> Slot:
    [found] = of_day(schedule, day, calendar)
    return found


# -- days


def test_it_enters_on_its_days_at_its_times() -> None:
    week = slots(rules("09:20", "11:00"), market(), india(MONDAY, "00:00"), india(MONDAY + timedelta(7), "00:00"))
    assert {slot.day.weekday() for slot in week} == set(range(5))
    assert [slot.at for slot in week[:2]] == [india(MONDAY, "09:20"), india(MONDAY, "11:00")]
    assert of_day(rules("09:20", days=["wed"]), MONDAY) == []


def test_a_day_off_has_no_entry_and_says_which_holiday_it_is() -> None:
    assert only(rules("09:20"), HOLIDAY).skip == "The market is closed: Guru Nanak Jayanti."
    assert only(rules("09:20", days=["sat"]), date(2026, 11, 21)).skip == "The market is closed: Saturday."


def test_a_settlement_holiday_is_a_trading_day() -> None:
    assert only(rules("09:20"), date(2026, 11, 17)).skip == ""


def test_a_special_session_is_skipped_unless_it_is_chosen() -> None:
    muhurat = {"days": ["sun"], "square_off": 10}
    assert "special session: Muhurat trading, 18:15–19:15" in only(rules("18:20", **muhurat), MUHURAT).skip
    entered = only(rules("18:20", special="trade", **muhurat), MUHURAT)
    assert entered.skip == ""
    assert entered.leaves.at == india(MUHURAT, "19:05")
    assert entered.leaves.is_square_off


@pytest.mark.parametrize(("at", "is_in"), [("09:14:59", False), ("09:15", True), ("15:39:59", True), ("15:40", False)])
def test_the_session_begins_with_its_opening_and_is_over_at_its_close(at: str, is_in: bool) -> None:
    assert (only(rules(at), MONDAY).skip == "") is is_in


def test_the_session_of_all_exchanges_together_counts() -> None:
    both = market("NFO", "NSE")
    assert "outside the session of that day, 09:15–15:30" in only(rules("15:35"), MONDAY, both).skip
    assert only(rules("15:35"), MONDAY).skip == ""
    assert "closed" in only(rules("18:00"), HOLIDAY, market("NFO", "MCX")).skip


def test_the_hours_of_an_earlier_day_are_those_of_then() -> None:
    july = date(2026, 7, 6)
    assert "09:15–15:30" in only(rules("15:35"), july).skip
    assert leaves(rules(square_off=5), market(), india(july, "09:20")).at == india(july, "15:25")
    assert leaves(rules(square_off=5), market(), india(MONDAY, "09:20")).at == india(MONDAY, "15:35")


def test_what_trades_around_the_clock_enters_on_any_day_and_never_squares_off() -> None:
    always = market("CRYPTO")
    assert only(rules("03:00", days=["sat"], square_off=5), date(2026, 11, 21), always).skip == ""
    assert leaves(rules(square_off=5), always, india(MONDAY, "03:00")) is None


# -- expiry


@pytest.mark.parametrize(
    ("rule", "day", "skip"),
    [
        ({"expiry": "only"}, EXPIRY, ""),
        ({"expiry": "only"}, date(2026, 11, 20), "It is not an expiry day."),
        ({"expiry": "never"}, EXPIRY, "It is an expiry day."),
        ({"expiry": "never"}, date(2026, 11, 20), ""),
        ({"expiry": "before", "expiry_days": 1}, date(2026, 11, 20), ""),
        ({"expiry": "before", "expiry_days": 3}, date(2026, 11, 18), ""),
        ({"expiry": "before", "expiry_days": 1}, EXPIRY, "It is 0 trading days before expiry."),
        ({"expiry": "before", "expiry_days": 2}, date(2026, 11, 20), "It is 1 trading day before expiry."),
    ],
)
def test_an_expiry_rule_goes_by_the_expiry_of_the_legs_and_counts_trading_days(rule, day: date, skip: str) -> None:
    assert only(rules("09:20", special="trade", **rule), day).skip == skip


def test_an_expiry_that_nobody_knows_is_no_entry() -> None:
    unknown = market(expiry=None)
    assert only(rules("09:20", expiry="never"), MONDAY, unknown).skip == "It is not known when its legs expire."
    assert only(rules("09:20"), MONDAY, unknown).skip == ""


# -- leaving


@pytest.mark.parametrize(
    ("exit_at", "square_off", "began", "leaves_at"),
    [
        ("15:15", None, india(MONDAY, "09:20"), india(MONDAY, "15:15")),
        ("15:15", 30, india(MONDAY, "09:20"), india(MONDAY, "15:10")),
        ("15:00", 30, india(MONDAY, "09:20"), india(MONDAY, "15:00")),
        ("09:30", None, india(MONDAY, "15:00"), india(MONDAY + timedelta(1), "09:30")),  # the next trading day
        ("09:30", None, india(date(2026, 11, 20), "15:00"), india(EXPIRY, "09:30")),  # over a weekend
        ("09:30", None, india(EXPIRY, "15:00"), india(date(2026, 11, 25), "09:30")),  # over a holiday
        ("15:15", None, india(SHORT, "09:20"), india(SHORT, "12:25")),  # before a short session is over
        ("08:00", None, india(MONDAY, "10:00"), india(MONDAY + timedelta(1), "09:15")),  # not before it opens
        (None, 10, india(SHORT, "09:20"), india(SHORT, "12:20")),
        (None, 10, india(MONDAY, "15:35"), india(MONDAY + timedelta(1), "15:30")),  # begun when it was over for today
        (None, 10, india(date(2026, 11, 21), "11:00"), india(EXPIRY, "15:30")),
    ],
)
def test_a_run_leaves_at_its_exit_time_or_square_off_whichever_is_first(exit_at, square_off, began, leaves_at) -> None:
    assert leaves(rules(exit_at=exit_at, square_off=square_off), market(), began).at == leaves_at


def test_nothing_is_entered_when_it_would_have_to_be_squared_off_at_once() -> None:
    assert "last 15 min" in only(rules("15:25", square_off=15), MONDAY).skip
    assert only(rules("15:24:59", square_off=15), MONDAY).skip == ""


# -- the moment it is due


NOON = india(MONDAY, "12:00")
DUE = Slot(MONDAY, "12:00", NOON)


@pytest.mark.parametrize(
    ("rule", "late", "today", "why"),
    [
        ({}, 0, Today(), ""),
        ({}, 60, Today(), ""),
        ({}, 61, Today(), "an entry is never late"),
        ({"grace": 0}, 1, Today(), "an entry is never late"),
        ({"last_entry": "12:00"}, 0, Today(), ""),
        ({"last_entry": "12:00"}, 0.004, Today(), ""),  # nobody decides in the very moment
        ({"last_entry": "12:00"}, 1, Today(), "no entry after 12:00"),
        ({"most_entries": 2}, 0, Today(entries=1), ""),
        ({"most_entries": 2}, 0, Today(entries=2), "so many began today"),
        ({}, 0, Today(is_live=True), "still live"),
        ({"while_live": "enter"}, 0, Today(is_live=True), ""),
        ({"while_live": "enter"}, 0, Today(is_live=True, begun_at=NOON - timedelta(seconds=59)), "just been begun"),
        ({"while_live": "enter"}, 0, Today(is_live=True, begun_at=NOON - timedelta(seconds=60)), ""),
    ],
)
def test_an_entry_that_is_due_is_made_unless_something_speaks_against_it(rule, late: float, today, why: str) -> None:
    said = verdict(rules("12:00", **rule), DUE, NOON + timedelta(seconds=late), today)
    assert why in said
    assert bool(said) is bool(why)


def test_what_is_known_to_be_skipped_is_skipped_for_that_reason() -> None:
    closed = only(rules("09:20"), HOLIDAY)
    assert verdict(rules("09:20"), closed, closed.at + timedelta(hours=3), Today()) == closed.skip


def test_last_entry_and_most_entries_hold_for_whoever_begins_a_run() -> None:
    assert "no entry after 11:00" in obstacle(rules(last_entry="11:00"), NOON, 0)
    assert obstacle(rules(), NOON, 99) == ""


# -- time zones


@pytest.mark.parametrize(
    ("zone", "day", "entry", "at"),
    [
        ("Asia/Kolkata", MONDAY, "09:20", datetime(2026, 11, 16, 3, 50, tzinfo=UTC)),
        ("Europe/London", date(2026, 7, 6), "04:50", datetime(2026, 7, 6, 3, 50, tzinfo=UTC)),  # summer time
        ("Europe/London", MONDAY, "03:50", datetime(2026, 11, 16, 3, 50, tzinfo=UTC)),
        ("America/New_York", date(2026, 7, 5), "23:50", datetime(2026, 7, 6, 3, 50, tzinfo=UTC)),
        ("America/New_York", date(2026, 11, 15), "22:50", datetime(2026, 11, 16, 3, 50, tzinfo=UTC)),
    ],
)
def test_times_and_days_are_of_the_schedules_own_zone(zone: str, day: date, entry: str, at: datetime) -> None:
    here = rules(entry, zone=zone, days=[DAYS[day.weekday()]])
    [slot] = slots(here, market(), at - timedelta(hours=12), at + timedelta(hours=12))
    assert (slot.day, slot.name, slot.at, slot.skip) == (day, entry, at, "")


def test_an_exit_time_moves_with_the_clocks_of_its_zone() -> None:
    """London leaves summer time on 25 October: the same time there is an hour later in India on Monday."""
    here, friday, monday = rules(exit_at="09:00", zone="Europe/London"), date(2026, 10, 23), date(2026, 10, 26)
    assert leaves(here, market(), india(friday, "09:20")).at == india(friday, "13:30")
    assert leaves(here, market(), india(monday, "09:20")).at == india(monday, "14:30")


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_a_time_that_is_skipped_or_comes_twice_is_one_moment(day: date) -> None:
    """New York's clocks: 02:30 does not exist in March, 01:30 comes twice in November."""
    here = rules("01:30", "02:30", zone="America/New_York", days=["sun"])
    found = slots(here, market("CRYPTO"), datetime(day.year, day.month, day.day, tzinfo=UTC), india(day, "23:59"))
    assert sorted(slot.name for slot in found) == ["01:30", "02:30"]
    assert len({slot.at for slot in found}) == 2


def test_the_day_of_a_schedule_may_have_twenty_three_hours() -> None:
    here = rules(zone="America/New_York")
    since, until = day_of(here, datetime(2026, 3, 8, 12, tzinfo=UTC))
    assert until - since == timedelta(hours=23)


ZONES = st.sampled_from(["Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kathmandu"])
TIMES = st.times(time(0), time(23, 59, 59)).map(lambda at: at.replace(microsecond=0))
MOMENTS = st.integers(0, 330 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@settings(max_examples=40, deadline=None)
@given(ZONES, st.sets(TIMES, min_size=1, max_size=4), MOMENTS, st.integers(1, 200), st.integers(0, 300))
def test_however_time_is_cut_every_entry_comes_exactly_once(zone, times, start, hours, cut) -> None:
    here = Schedule(zone=zone, days=DAYS, entries=tuple(times))
    end = start + timedelta(hours=hours)
    middle = min(start + timedelta(hours=cut), end)
    whole = slots(here, market("CRYPTO"), start, end)
    parts = slots(here, market("CRYPTO"), start, middle) + slots(here, market("CRYPTO"), middle, end)
    assert sorted(whole, key=str) == sorted(parts, key=str)
    assert len({(slot.day, slot.name) for slot in whole}) == len(whole)
    assert all(start < slot.at <= end for slot in whole)
    assert all(slot.at == moment(slot.day, time.fromisoformat(slot.name), ZoneInfo(zone)) for slot in whole)


@settings(max_examples=40, deadline=None)
@given(MOMENTS, TIMES, st.integers(1, 240) | st.none(), TIMES | st.none())
def test_what_is_entered_leaves_later_and_while_the_market_is_open(now, entry, square_off, exit_at) -> None:
    here = Schedule(entries=(entry,), square_off=square_off, exit_at=exit_at, special="trade", days=DAYS)
    slot = next_entry(here, market(), now)
    if slot is None:
        return
    assert slot.at > now
    assert market()(slot.at.astimezone(INDIA).date()).holds(slot.at)
    assert (slot.leaves is None) is (square_off is None and exit_at is None)
    if slot.leaves is not None:
        assert slot.leaves.at > slot.at
        assert market()(slot.leaves.at.astimezone(INDIA).date()).holds(slot.leaves.at)


# -- what is typed


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Mars/Olympus"}, {"zone": "America"}, {"zone": "../etc/passwd"}, {"days": []}, {"days": ["day"]},
        {"entries": ["25:00"]}, {"entries": [33600]}, {"entries": [True]}, {"entries": ["09:20", "09:20:00"]},
        {"entries": ["09:20+05:30"]}, {"entries": ["09:20:00.5"]}, {"square_off": 0}, {"square_off": True},
        {"expiry": "sometimes"}, {"expiry_days": 0}, {"most_entries": 0}, {"grace": -1}, {"unheard": 1},
        {"entries": ["15:10"], "last_entry": "15:00"},
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(wrong)


def test_it_says_in_words_what_it_does() -> None:
    whole = rules("11:00", "09:20", exit_at="15:15", square_off=5, expiry="before", expiry_days=2, last_entry="14:00",
                  most_entries=1)  # fmt: skip
    assert whole.words == [
        "Enters at 09:20, 11:00 India time, Monday to Friday, 2 trading days before expiry", "Skips special sessions",
        "Out at 15:15 India time", "Squares off 5 min before the close", "No entry after 14:00 India time",
        "1 entry a day at most",
    ]  # fmt: skip
    assert (
        rules("09:20", zone="Europe/London", days=["mon", "fri"])
        .words[0]
        .endswith("Europe/London time, Monday, Friday")
    )
    assert Schedule().is_empty and not rules(square_off=5).is_empty


def test_what_is_kept_is_read_back_as_it_was() -> None:
    whole = rules("09:20:05", exit_at="15:15", zone="America/New_York")
    assert Schedule.model_validate(whole.model_dump(mode="json")) == whole
