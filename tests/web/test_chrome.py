"""What stands around every page tells how old the truth is."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.pulse import Beat
from app.web.chrome import badge_of, desk, feed_badge, mode_of

NOW = datetime(2026, 12, 1, 8, 33, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "detail", "state", "text"),
    [
        (0.4, {}, "live", "Live 0.4 s"),
        (-0.2, {}, "live", "Live 0.0 s"),
        (4, {}, "slow", "Slow 4 s"),
        (12, {}, "stale", "Stale since 14:03:10"),
    ],
)
def test_a_sign_of_life_ages(age, detail, state, text):
    badge = badge_of(Beat(NOW - timedelta(seconds=age), detail), NOW)
    assert (badge.state, badge.text) == (state, text)


@pytest.mark.parametrize(
    ("age", "detail", "state", "text"),
    [
        (1, {"state": "live", "last_at": "2026-12-01T08:33:21+00:00"}, "live", "Live 1.0 s"),
        (1, {"state": "live", "last_at": "2026-12-01T08:33:02+00:00"}, "stale", "Stale since 14:03:02"),
        (1, {"state": "live", "last_at": None}, "unknown", "Not seen yet"),
        (1, {"state": "closed"}, "closed", "Closed"),
        (1, {"state": "down"}, "stale", "Down"),
        (60, {"state": "closed"}, "stale", "Stale since 14:02:22"),
        (1, {"state": "frozen", "last_at": "2026-12-01T08:33:10+00:00"}, "stale", "Stale since 14:03:10"),
        (1, {"state": "slow", "source": "request", "last_at": "2026-12-01T08:33:21+00:00"}, "slow", "Slow 1 s · REST"),
        (1, {"state": "down", "source": "request", "last_at": "2026-12-01T08:33:18+00:00"}, "slow", "Slow 4 s · REST"),
        (1, {"state": "stale", "last_at": "2026-12-01T08:33:01+00:00"}, "stale", "Stale since 14:03:01"),
    ],
)
def test_the_feed_is_as_old_as_its_newest_price(age, detail, state, text):
    badge = feed_badge(Beat(NOW - timedelta(seconds=age), detail), NOW)
    assert (badge.state, badge.text) == (state, text)


def test_a_price_that_was_streamed_just_now_is_newer_than_what_the_engine_told():
    told = {"state": "frozen", "source": None, "last_at": "2026-12-01T08:33:00+00:00"}
    badge = feed_badge(Beat(NOW - timedelta(seconds=4), told), NOW, NOW - timedelta(seconds=1))
    assert (badge.state, badge.text, badge.source) == ("live", "Live 1.0 s", "stream")


def test_what_was_never_seen_is_unknown():
    assert badge_of(None, NOW).state == "unknown"


@pytest.mark.parametrize(
    ("modes", "mode"), [([], "none"), (["paper"] * 2, "paper"), (["live"], "live"), (["live", "paper"], "mixed")]
)
def test_paper_and_live_together_are_called_mixed(modes, mode):
    assert mode_of(modes) == mode


def test_the_desk_is_read_for_who_is_signed_in_and_unknown_to_strangers(admin, stranger, services):
    services.pulse.beat("engine")
    with stranger.client as client:
        client.get("/sign-in")
        assert desk().engine.state == "unknown"
    with admin.client as client:
        client.get("/settings")
        assert (desk().engine.state, desk().mode) == ("live", "none")


def test_indices_stand_on_every_page_with_their_age(admin, app):
    cells = {"ltp:NSE_INDEX:NIFTY": {"v": "26117.45", "k": "price", "c": "INR", "at": 5}}
    app.extensions["live"].hub.take("tick", {"owner": "*", "cells": cells})
    page = admin.get("/settings").text
    assert 'data-cell="ltp:NSE_INDEX:NIFTY" data-at="5">26,117.45<' in page
