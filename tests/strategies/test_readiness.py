"""An account is ready when everything was seen to be well; what is not known is not well."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from app.strategies.readiness import AccountFacts, Finding, StrategyFacts, counts, feed_finding, findings, wanting

WELL = AccountFacts(
    id="a1", name="Zerodha", obstacle="", health="ok", is_usable=True, seen_age=timedelta(seconds=9),
    funds=Decimal(100), funds_age=timedelta(seconds=30), trouble="", orders=2, margin=Decimal(99), margin_trouble="",
)  # fmt: skip
EARLY = StrategyFacts("s1", "Early", "", ["NIFTY24NOV2626050CE"], "", [("NFO", timedelta(hours=1))], [WELL])
PRICES = Finding("Prices", True, "Prices are live.")


def test_what_is_well_is_ready_and_nothing_is_wanting():
    found = findings(PRICES, [EARLY])
    assert counts(found) == (1, 0)
    assert wanting(found) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"obstacle": "Zerodha needs its broker login."}, "Zerodha: Zerodha needs its broker login."),
        ({"is_usable": False, "health": "unreachable"}, "Zerodha: Its state is unreachable."),
        ({"seen_age": timedelta(hours=3)}, "Zerodha: Nothing was heard of it for 3 h."),
        ({"seen_age": None}, "Zerodha: Nothing was heard of it yet."),
        ({"funds_age": timedelta(hours=2)}, "Zerodha: 100 available, read 2 h ago."),
        ({"margin": Decimal(160)}, "Zerodha: 2 orders, 160 of margin needed, 60 more than is available."),
        ({"margin": None, "margin_trouble": "It said no."}, "Zerodha: What margin it needs is not known. It said no."),
        ({"trouble": "Leg 1: 1 lots times 0.5 is less than one lot."}, "Zerodha: Leg 1: 1 lots times 0.5 is less"),
    ],
)
def test_an_account_in_which_anything_is_wrong_or_unknown_is_not_ready(change, sentence):
    found = findings(PRICES, [replace(EARLY, accounts=[replace(WELL, **change), replace(WELL, id="a2", name="Fyers")])])
    assert counts(found) == (1, 1)
    [said] = wanting(found)
    assert said.startswith(sentence)


def test_without_funds_neither_they_nor_the_size_are_well():
    found = findings(PRICES, [replace(EARLY, accounts=[replace(WELL, funds=None)])])
    assert wanting(found) == ["Zerodha: Its funds are not known.", "Zerodha: It needs 99; its funds are not known."]


@pytest.mark.parametrize(
    ("strategy", "feed"),
    [
        (replace(EARLY, trouble="Leg 1: nothing is listed."), PRICES),
        (replace(EARLY, lists=[("NFO", timedelta(days=3))]), PRICES),
        (replace(EARLY, lists=[("NFO", None)]), PRICES),
        (EARLY, Finding("Prices", False, "Prices are down.")),
    ],
)
def test_what_holds_for_all_accounts_makes_none_of_them_ready(strategy, feed):
    found = findings(feed, [strategy])
    assert counts(found) == (0, 1)
    assert len(wanting(found)) == 1


def test_a_silent_feed_is_well_only_before_the_opening():
    assert feed_finding("closed", timedelta(hours=17), False).is_well
    assert not feed_finding("stale", timedelta(minutes=3), True).is_well
    assert feed_finding("live", timedelta(seconds=1), True).is_well
    assert not feed_finding("down", None, False).is_well
