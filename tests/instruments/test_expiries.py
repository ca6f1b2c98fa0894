from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.instruments.expiries import NoExpiry, expiry_for

# Tuesdays, but 24 November is a holiday: that month's contracts expire on Monday the 23rd.
LISTED = [
    date(2026, 11, 17),
    date(2026, 11, 23),
    date(2026, 12, 1),
    date(2026, 12, 8),
    date(2026, 12, 29),
    date(2027, 1, 26),
]
THURSDAY = date(2026, 11, 19)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("current_week", date(2026, 11, 23)),
        ("next_week", date(2026, 12, 1)),
        ("current_month", date(2026, 11, 23)),
        ("next_month", date(2026, 12, 29)),
        ("2026-12-08", date(2026, 12, 8)),
        ("08DEC26", date(2026, 12, 8)),
        ("expiry_1", date(2026, 11, 23)),
        ("expiry_3", date(2026, 12, 8)),
        ("month_3", date(2027, 1, 26)),
        ("days_0", date(2026, 11, 23)),
        ("days_4", date(2026, 11, 23)),
        ("days_5", date(2026, 12, 1)),
    ],
)
def test_a_holiday_moves_the_expiry_and_the_rules_follow_the_list(rule, expected):
    assert expiry_for(rule, LISTED, THURSDAY) == expected


def test_on_its_last_day_a_contract_is_still_the_current_one():
    assert expiry_for("current_week", LISTED, date(2026, 11, 23)) == date(2026, 11, 23)
    assert expiry_for("current_month", LISTED, date(2026, 11, 23)) == date(2026, 11, 23)


def test_the_day_after_it_is_not():
    assert expiry_for("current_week", LISTED, date(2026, 11, 24)) == date(2026, 12, 1)
    assert expiry_for("current_month", LISTED, date(2026, 11, 24)) == date(2026, 12, 29)
    assert expiry_for("next_month", LISTED, date(2026, 11, 24)) == date(2027, 1, 26)


def test_the_order_of_the_list_does_not_matter():
    assert expiry_for("next_week", LISTED[::-1], THURSDAY) == date(2026, 12, 1)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ("2026-11-25", "is not listed"),
        ("17NOV26", "is past"),
        ("someday", "neither an expiry rule nor a date"),
        ("", "neither an expiry rule nor a date"),
    ],
)
def test_a_rule_that_means_nothing_is_told_in_a_sentence(rule, sentence):
    with pytest.raises(NoExpiry, match=sentence):
        expiry_for(rule, LISTED, THURSDAY)


def test_with_one_expiry_left_there_is_no_next_one():
    with pytest.raises(NoExpiry, match="no next week expiry is listed"):
        expiry_for("next_week", [date(2026, 11, 23)], THURSDAY)
    with pytest.raises(NoExpiry, match="no expiry is listed any more"):
        expiry_for("current_week", [], THURSDAY)


@given(
    st.sampled_from(["current_week", "next_week", "current_month", "next_month"]),
    st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), max_size=30),
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
)
def test_an_answer_is_always_a_listed_day_that_has_not_passed(rule, listed, today):
    try:
        found = expiry_for(rule, listed, today)
    except NoExpiry:
        return
    assert found in listed
    assert found >= today
