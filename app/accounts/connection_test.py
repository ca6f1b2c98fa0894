"""The guided connection test: each step is told as soon as it is known, and nothing a venue does makes it
raise.
"""

from collections.abc import Callable
from typing import Any

from app.accounts.health import Sighting
from app.accounts.models import HealthState
from app.core.errors import DeskError
from app.venues.port import Venue
from app.venues.types import CheckStep, Mode

Report = Callable[[list[Any]], None]

# Which state an account is in when this step is the one that failed.
FAILED_AT = {
    "reachable": HealthState.UNREACHABLE,
    "key": HealthState.KEY_WRONG,
    "broker login": HealthState.NOT_LOGGED_IN,
}


def run_connection_test(venue: Venue, report: Report) -> dict[str, Any]:
    """Run the venue's own check. The answer: `passed`, `steps`, `broker`, `mode`, `message`, `latency_ms`,
    `state`.
    """
    steps: list[dict[str, Any]] = []
    try:
        for step in venue.check():
            steps.append(as_line(step))
            report(list(steps))
    except DeskError as error:
        steps.append(_stopped(error.message))
    except Exception as error:  # the person who waits is told, whatever a venue's library raises
        steps.append(_stopped(f"The test stopped: {type(error).__name__}."))
    report(list(steps))
    return _verdict(steps)


def as_line(step: CheckStep) -> dict[str, Any]:
    """A step as it travels in the errand's row."""
    return {
        "name": step.name,
        "passed": step.passed,
        "message": step.message,
        "took_ms": step.took_ms,
        "hint": step.hint,
        "facts": dict(step.facts),
    }


def sighting(answer: dict[str, Any]) -> Sighting:
    """What a finished test says about the account's health."""
    mode = str(answer.get("mode") or "")
    failed = not answer.get("passed")
    return Sighting(
        state=HealthState(answer["state"]),
        error=str(answer.get("message") or "") if failed else "",
        latency_ms=answer.get("latency_ms"),
        broker=str(answer.get("broker") or ""),
        mode=Mode(mode) if mode in tuple(Mode) else None,
        ordered=not failed,
    )


def _verdict(steps: list[dict[str, Any]]) -> dict[str, Any]:
    facts: dict[str, str] = {}
    for step in steps:
        facts |= step["facts"]
    failed = next((step for step in steps if not step["passed"]), None)
    mode = facts.get("mode", "")
    passed = bool(steps) and failed is None
    return {
        "passed": passed,
        "steps": steps,
        "broker": facts.get("broker", ""),
        "mode": mode,
        "message": failed["message"] if failed else _success(facts),
        "latency_ms": steps[0]["took_ms"] if steps else None,
        "state": _state(steps, failed, mode),
    }


def _state(steps: list[dict[str, Any]], failed: dict[str, Any] | None, mode: str) -> str:
    """Orders can go out once the broker login is proven, even if the funds or the stream then fail."""
    if failed is not None and failed["name"] in FAILED_AT:
        return FAILED_AT[failed["name"]].value
    if not any(step["name"] == "broker login" and step["passed"] for step in steps):
        return HealthState.UNKNOWN.value
    return (HealthState.PAPER if mode == Mode.PAPER else HealthState.OK).value


def _success(facts: dict[str, str]) -> str:
    broker = facts.get("broker", "")
    return f"Connected to {broker}." if broker else "Connected."


def _stopped(message: str) -> dict[str, Any]:
    return {"name": "test", "passed": False, "message": message, "took_ms": 0, "hint": "", "facts": {}}
