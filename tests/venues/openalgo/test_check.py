"""The guided connection test: which step fails, and what a person is told."""

import pytest

from app.venues.openalgo.venue import OpenAlgoVenue
from app.venues.types import Mode
from tests.paper.running import PaperServer
from tests.servers import free_port
from tests.venues.openalgo.paper import connection, open_venue
from tests.venues.openalgo.peers import always, http, scripted

NAMES = ["reachable", "key", "broker login", "mode", "funds", "stream"]


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}]) as running:
        yield running


@pytest.fixture
def broker(paper):
    paper.reset()
    return paper["zerodha"]


def checked(venue: OpenAlgoVenue):
    try:
        return list(venue.check())
    finally:
        venue.close()


def fails_at(name, steps):
    assert [step.name for step in steps] == NAMES[: NAMES.index(name) + 1]
    assert [step.passed for step in steps] == [True] * (len(steps) - 1) + [False]
    assert steps[-1].message
    assert steps[-1].hint
    return steps[-1]


def test_a_good_connection_passes_all_steps_with_their_times_and_facts(broker):
    steps = checked(open_venue(broker))
    assert [step.name for step in steps] == NAMES
    assert all(step.passed and step.took_ms >= 0 for step in steps)
    facts = {name: value for step in steps for name, value in step.facts.items()}
    assert facts == {"broker": "zerodha", "mode": "live", "available": "10000000.00", "currency": "INR"}


def test_the_three_usual_mistakes_get_three_answers(paper, broker):
    unreachable = checked(open_venue(broker, host_url=f"http://127.0.0.1:{free_port()}"))
    assert "can't be reached" in fails_at("reachable", unreachable).message
    wrong = checked(open_venue(broker, api_key="no-such-key"))
    assert "does not know this key" in fails_at("key", wrong).message
    paper.tell("login", logged_in=False)
    logged_out = checked(open_venue(broker))
    assert "not logged in" in fails_at("broker login", logged_out).message


def test_the_analyzer_is_named(paper, broker):
    paper.tell("mode", analyze=True)
    venue = open_venue(broker)
    assert venue.mode() is Mode.PAPER
    (mode,) = [step for step in checked(venue) if step.name == "mode"]
    assert mode.facts == {"mode": "paper"}


def test_a_dead_token_shows_at_the_funds(paper, broker):
    paper.fault("dead_token")
    assert "did not give the funds" in fails_at("funds", checked(open_venue(broker))).message


def test_a_wrong_stream_address_shows_at_the_stream(broker):
    steps = checked(open_venue(broker, stream_url=f"ws://127.0.0.1:{free_port()}"))
    fails_at("stream", steps)
    fails_at("stream", checked(open_venue(broker, stream_url=broker.rest_url.replace("http", "ws"))))
    fails_at("stream", checked(open_venue(broker, stream_url="http://127.0.0.1:1")))


def test_something_else_at_the_address_is_told_apart(broker):
    with scripted(always(http(b"<html>Hello</html>"))) as other:
        step = fails_at("reachable", checked(open_venue(broker, host_url=other.url)))
    assert "not as OpenAlgo does" in step.message


def test_a_busy_or_broken_server_does_not_pass_for_a_good_key(paper, broker):
    paper.fault("rate_limit", endpoint="ping")
    fails_at("key", checked(open_venue(broker)))
    paper.reset()
    paper.fault("error", endpoint="ping")
    fails_at("key", checked(open_venue(broker)))


def test_no_line_shows_the_key(paper, broker):
    paper.fault("error", endpoint="funds", message=f"bad key {broker.api_key}")
    assert all(broker.api_key not in step.message + step.hint for step in checked(open_venue(broker)))
    assert broker.api_key not in repr(connection(broker))
