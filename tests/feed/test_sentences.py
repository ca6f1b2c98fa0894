"""What happened to the feed, in words, and whether it is good news."""

from itertools import product

import pytest

from app.feed.events import FeedSwitched, SourceChanged
from app.feed.failover import Reason
from app.feed.sentences import detail_of, is_good, sentence
from app.venues.types import PriceSource
from tests.feed.hands import MORNING

NAMES = {"a": "Alpha", "b": "Beta"}


def told(event) -> tuple[str, bool]:
    kind, detail = detail_of(event)
    return sentence(kind, detail, NAMES.__getitem__), is_good(kind, detail)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.SILENT, "Alpha gave no usable price: prices come from Beta now."),
        (Reason.FROZEN, "Alpha repeated the same prices: prices come from Beta now."),
        (Reason.DISCONNECTED, "Alpha lost the price stream: prices come from Beta now."),
        (Reason.BETTER, "Beta gives prices again and has taken over."),
    ],
)
def test_a_switch_says_who_why_and_where_to(reason, text):
    assert told(FeedSwitched("a", "b", reason.value, MORNING)) == (text, reason is Reason.BETTER)


def test_nowhere_to_go_is_said():
    words, good = told(FeedSwitched("a", None, Reason.REMOVED.value, MORNING))
    assert words.endswith("no other account can give prices.")
    assert not good


@pytest.mark.parametrize(
    ("before", "after"), list(product([*PriceSource, None], repeat=2)) + [(None, PriceSource.STREAM)]
)
def test_every_change_of_the_source_has_a_sentence(before, after):
    words, good = told(SourceChanged(before, after, "a", MORNING))
    assert words.endswith(".")
    assert good is (after is PriceSource.STREAM)


@pytest.mark.parametrize(("before", "after"), [(None, "a"), ("a", "b"), ("a", None), (None, None)])
@pytest.mark.parametrize("reason", [*(one.value for one in Reason), ""])
def test_every_switch_has_a_sentence(before, after, reason):
    assert told(FeedSwitched(before, after, reason, MORNING))[0].endswith(".")
