import json
from collections.abc import Iterator

import pytest

from app.accounts.connection_test import run_connection_test, sighting
from app.accounts.models import HealthState
from app.core.errors import Retry
from app.venues.types import CheckStep, Mode

GOOD = [
    CheckStep("reachable", True, "Answered.", 3),
    CheckStep("key", True, "The key is known.", 4),
    CheckStep("broker login", True, "Logged in.", 5, facts={"broker": "zerodha"}),
    CheckStep("mode", True, "Live.", 2, facts={"mode": "live"}),
    CheckStep("funds", True, "The funds can be read.", 9, facts={"available": "120000.50"}),
    CheckStep("stream", True, "Streaming.", 40),
]


class SelfTesting:
    """A venue reduced to its check: some steps, then perhaps an error."""

    def __init__(self, steps: list[CheckStep], error: Exception | None = None) -> None:
        self._steps = steps
        self._error = error

    def check(self) -> Iterator[CheckStep]:
        yield from self._steps
        if self._error:
            raise self._error


def run(steps, error=None):
    reports = []
    return run_connection_test(SelfTesting(steps, error), reports.append), reports


def test_a_good_connection_tells_each_step_as_it_comes():
    answer, reports = run(GOOD)
    assert [len(report) for report in reports] == [1, 2, 3, 4, 5, 6, 6]
    assert (answer["passed"], answer["broker"], answer["mode"]) == (True, "zerodha", "live")
    assert answer["message"] == "Connected to zerodha."
    assert sighting(answer).state is HealthState.OK
    assert json.loads(json.dumps(answer)) == answer


def test_a_server_in_analyzer_mode_is_paper():
    answer, _ = run([*GOOD[:3], CheckStep("mode", True, "Analyzer.", 2, facts={"mode": "paper"})])
    assert (sighting(answer).state, sighting(answer).mode) == (HealthState.PAPER, Mode.PAPER)


@pytest.mark.parametrize(
    ("steps", "failed", "state"),
    [
        (0, "reachable", HealthState.UNREACHABLE),
        (1, "key", HealthState.KEY_WRONG),
        (2, "broker login", HealthState.NOT_LOGGED_IN),
        (3, "mode", HealthState.OK),
        (5, "stream", HealthState.OK),
    ],
)
def test_each_trouble_has_its_own_answer(steps, failed, state):
    trouble = CheckStep(failed, False, "The venue's own words", 7, hint="Try this.")
    answer, reports = run([*GOOD[:steps], trouble])
    assert not answer["passed"]
    assert (sighting(answer).state, sighting(answer).error) == (state, "The venue's own words")
    assert reports[-1][-1]["hint"] == "Try this."


def test_an_error_in_the_middle_is_a_failed_step_not_a_crash():
    told, _ = run(GOOD[:2], Retry("The server stopped answering."))
    assert told["message"] == "The server stopped answering."
    broken, _ = run(GOOD[:2], ZeroDivisionError("with a secret in it"))
    assert broken["message"] == "The test stopped: ZeroDivisionError."
    assert not broken["passed"]


def test_a_venue_that_tests_nothing_has_not_passed():
    assert not run([])[0]["passed"]
