"""An account as it was typed, against a real OpenAlgo server: stop it, change the key, log its broker out."""

import pytest

from app.accounts.connection_test import run_connection_test, sighting
from app.accounts.models import HealthState
from app.venues.openalgo import register
from app.venues.registry import Registry
from tests.accounts.conftest import typed
from tests.paper.running import PaperServer


@pytest.fixture(scope="module")
def paper():
    with PaperServer([{"name": "zerodha"}]) as server:
        yield server


@pytest.fixture
def tried(accounts, health, asha, paper):
    """Test the account with these fields: the test's answer, with its outcome written to the account's health."""
    registry = Registry()
    register(registry)
    account = accounts.add(asha, typed(host_url=paper["zerodha"].rest_url, stream_url=paper["zerodha"].ws_url))

    def run(**changes):
        form = typed(host_url=account.host_url, stream_url=account.stream_url, api_key=paper["zerodha"].api_key)
        venue = registry.open(accounts.connection(accounts.edit(asha, account.id, form | changes)))
        try:
            answer = run_connection_test(venue, lambda _steps: None)
        finally:
            venue.close()
        state = health.record(account.id, sighting(answer))
        return answer, state, accounts.get(asha, account.id)

    return run


def test_a_good_account_passes_every_step_and_learns_its_broker(tried):
    answer, state, account = tried()
    assert [step["name"] for step in answer["steps"]] == [
        "reachable", "key", "broker login", "mode", "funds", "stream",
    ]  # fmt: skip
    assert (answer["passed"], state, account.broker) == (True, HealthState.OK, answer["broker"])
    assert account.broker


def test_a_wrong_key_a_missing_login_and_a_wrong_address_are_told_apart(tried, paper):
    assert tried(api_key="no-such-key")[1] is HealthState.KEY_WRONG
    paper.tell("login", logged_in=False)
    try:
        assert tried()[1] is HealthState.NOT_LOGGED_IN
    finally:
        paper.tell("login", logged_in=True)
    answer, state, _ = tried(host_url="http://127.0.0.1:9")
    assert state is HealthState.UNREACHABLE
    assert answer["steps"][0]["hint"]


def test_a_dead_stream_fails_the_test_but_orders_can_still_go_out(tried):
    answer, state, _ = tried(stream_url="ws://127.0.0.1:9")
    assert (answer["passed"], answer["steps"][-1]["name"], state) == (False, "stream", HealthState.OK)
