"""Times and dates in every spelling that was seen."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.venues.openalgo.times import expiry, moment

SEVEN = datetime(2026, 11, 21, 2, 7, 52, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-21 07:37:52",
        "2026-11-21T07:37:52",
        "2026-11-21T07:37:52+05:30",
        "2026-11-21T02:07:52Z",
        "21-Nov-2026 07:37:52",
        "21-11-2026 07:37:52",
        "21/11/2026 07:37:52",
        "07:37:52 21-11-2026",
        "21 Nov 2026 07:37:52",
        1795226872,
        1795226872000,
        "1795226872",
        "1795226872000",
    ],
)
def test_a_time_without_a_zone_is_indian_and_every_moment_comes_out_in_utc(value):
    assert moment(value) == SEVEN


@pytest.mark.parametrize("value", [None, "", "07:37:52", "soon", 0, -1, 65, True, "0001-01-01 00:00:00", "12345", []])
def test_what_is_no_moment_is_none(value):
    assert moment(value) is None


@pytest.mark.parametrize("text", ["24NOV26", "24-NOV-26", "24-Nov-2026", "2026-11-24", " 24nov26 "])
def test_an_expiry_is_read_in_each_spelling(text):
    assert expiry(text) == date(2026, 11, 24)


@pytest.mark.parametrize("text", ["", "-", "32NOV26", "24XXX26", "NOV", "24NOV", "1", "99999999"])
def test_what_is_no_expiry_is_none(text):
    assert expiry(text) is None


@given(st.one_of(st.text(max_size=30), st.floats(), st.integers()))
def test_no_value_breaks_the_reading_of_a_time(value):
    found = moment(value)
    assert found is None or found.tzinfo is UTC


@given(st.text(max_size=20))
def test_no_text_breaks_the_reading_of_an_expiry(text):
    assert expiry(text) is None or isinstance(expiry(text), date)
