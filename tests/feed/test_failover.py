"""Where the one stream belongs."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from app.feed.failover import Choice, FailoverRules, Reason, Seat, bar, choose, trouble, wants_resubscribing
from app.venues.port import StreamState

RULES = FailoverRules()
NOW = 10_000.0
GOOD = Seat(StreamState.LIVE, since=NOW - 500, seated_at=NOW - 500, quiet_since=NOW - 1)
DOWN = Seat(StreamState.DOWN, since=NOW - 6)
BARRED = Seat(barred_until=NOW + 1)


def test_the_best_account_starts():
    assert choose(["a", "b"], {}, NOW, None) == Choice("a", Reason.START)
    assert choose([], {}, NOW, None) == Choice(None, Reason.START)


def test_a_good_stream_stays():
    assert choose(["a", "b"], {"a": GOOD}, NOW, "a") == Choice("a")


def test_each_trouble_moves_to_the_next_free_account():
    silent = replace(GOOD, quiet_since=NOW - 16, resubscribed=True)
    refused = Seat(StreamState.REFUSED, since=NOW)
    for seat, reason in ((DOWN, Reason.DISCONNECTED), (refused, Reason.REFUSED), (silent, Reason.SILENT)):
        assert choose(["a", "b", "c"], {"a": seat, "b": BARRED}, NOW, "a") == Choice("c", reason)


def test_a_short_interruption_moves_nothing():
    assert trouble(replace(DOWN, since=NOW - 4), NOW) is None


def test_silence_is_cured_by_subscribing_again_before_anything_moves():
    silent = replace(GOOD, quiet_since=NOW - 16)
    assert wants_resubscribing(silent, NOW)
    assert trouble(silent, NOW) is None
    assert not wants_resubscribing(replace(silent, resubscribed=True), NOW)


def test_no_price_is_missed_while_none_is_due():
    closed = replace(GOOD, quiet_since=None)
    assert not wants_resubscribing(closed, NOW)
    assert trouble(replace(closed, resubscribed=True), NOW) is None


def test_when_every_other_account_is_barred_the_stream_stays_and_keeps_trying():
    assert choose(["a", "b"], {"a": DOWN, "b": BARRED}, NOW, "a") == Choice("a")


def test_a_stand_in_serves_for_a_while_before_the_better_account_is_tried():
    fresh = replace(GOOD, seated_at=NOW - 30)
    assert choose(["a", "b"], {"b": fresh}, NOW, "b") == Choice("b")
    assert choose(["a", "b"], {"b": GOOD}, NOW, "b") == Choice("a", Reason.BETTER, try_first=True)
    assert choose(["a", "b"], {"a": BARRED, "b": GOOD}, NOW, "b") == Choice("b")


def test_an_account_that_is_gone_gives_the_stream_up():
    assert choose(["b"], {"a": GOOD}, NOW, "a") == Choice("b", Reason.REMOVED)
    assert choose([], {"a": GOOD}, NOW, "a") == Choice(None, Reason.REMOVED)


def test_each_failure_bars_for_longer_up_to_a_limit():
    seat, lengths = Seat(), []
    for _ in range(6):
        seat = bar(seat, NOW)
        lengths.append(seat.barred_until - NOW)
    assert lengths == [60, 120, 240, 480, 900, 900]


SEATS = st.builds(
    Seat,
    state=st.sampled_from(StreamState),
    since=st.floats(NOW - 100, NOW),
    seated_at=st.floats(NOW - 100, NOW),
    quiet_since=st.none() | st.floats(NOW - 100, NOW),
    resubscribed=st.booleans(),
    barred_until=st.floats(NOW - 100, NOW + 100),
)
NAMES = st.sampled_from("abcd")


@given(st.lists(NAMES, unique=True, max_size=4), st.dictionaries(NAMES, SEATS), st.none() | NAMES, st.floats(0, 50))
def test_a_choice_is_always_a_candidate_that_is_free_or_the_present_one(candidates, seats, current, later):
    choice = choose(candidates, seats, NOW + later, current)
    if choice.account_id is None:
        return
    assert choice.account_id in candidates
    if choice.account_id != current:
        assert seats.get(choice.account_id, Seat()).barred_until <= NOW + later
        assert choice.reason is not None
