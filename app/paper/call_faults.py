"""What the faults of a call do to its answer. Pure: the caller sleeps, hangs and resets.

A fault strikes before the call did its work (nothing was placed) or after it (the order exists, the client can't know).
"""

from dataclasses import dataclass
from typing import Any

from app.paper.endpoints import Answer
from app.paper.faults import Fault

HTML = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr>nginx</body></html>"
INTERNAL = "Failed to place order due to internal error"
ALIVE_WITHOUT_BROKER = frozenset(
    {
        "ping",
        "search",
        "expiry",
        "instruments",
        "symbol",
        "analyzer",
        "analyzer/toggle",
        "market/holidays",
        "market/timings",
    }
)
BEFORE, AFTER, SPLIT = "before", "after", "split"


@dataclass(frozen=True, slots=True)
class Loss:
    """The client gets no answer: the socket hangs for `seconds` or is reset."""

    how: str
    seconds: float


def delays(faults: list[Fault], rtt_ms: float, jitter: Any) -> tuple[float, float]:
    """Seconds before the work and between its begin and the answer: who asks sees their sum, however long the work
    took of it. The round trip is halved around the begin."""
    before = after = rtt_ms / 2
    for fault in faults:
        if fault.kind != "latency":
            continue
        ms = max(0.0, fault.params["ms"] + jitter(fault.params["jitter_ms"]))
        where = fault.params["where"]
        before += {BEFORE: ms, SPLIT: ms / 2}.get(where, 0.0)
        after += {AFTER: ms, SPLIT: ms / 2}.get(where, 0.0)
    return before / 1000, after / 1000


def early(endpoint: str, faults: list[Fault]) -> Answer | Loss | None:
    """The answer of a call that never does its work."""
    for fault in faults:
        answer = _early(endpoint, fault)
        if answer is not None:
            return answer
    return None


def _early(endpoint: str, fault: Fault) -> Answer | Loss | None:
    params = fault.params
    if fault.kind == "rate_limit":
        return Answer(429, {"message": params["message"]})
    if fault.kind == "broker_rate_limit":
        return Answer(429, {"status": "error", "message": params["message"]})
    if fault.kind == "dead_token":
        return _dead_token(endpoint, params["message"])
    if params.get("placed", True):
        return None
    return _instead(fault)


def _dead_token(endpoint: str, message: str) -> Answer | None:
    """The server still takes the key; the broker behind it doesn't. Funds come back empty and successful."""
    if endpoint in ALIVE_WITHOUT_BROKER:
        return None
    if endpoint == "funds":
        return Answer(200, {"status": "success", "data": {}})
    return Answer(401, {"status": "error", "message": message})


def late(endpoint: str, faults: list[Fault], answer: Answer) -> Answer | Loss:
    """What becomes of the true answer after the work is done."""
    for fault in faults:
        if fault.kind == "empty_book":
            answer = _emptied(answer)
        elif fault.params.get("placed"):
            spoiled = _instead(fault)
            if isinstance(spoiled, Loss) or spoiled is not None:
                return spoiled
    return answer


def _instead(fault: Fault) -> Answer | Loss | None:
    params = fault.params
    if fault.kind == "lost":
        return Loss(params["how"], params["seconds"])
    if fault.kind == "error":
        return Answer(params["status"], {"status": "error", "message": params["message"] or INTERNAL})
    if fault.kind == "html":
        return Answer(params["status"], HTML.format(status=params["status"]), "text/html")
    if fault.kind == "null_orderid":
        return Answer(200, {"status": "success", "orderid": None})
    return None


def _emptied(answer: Answer) -> Answer:
    """The same success with nothing in it."""
    if not isinstance(answer.body, dict) or "data" not in answer.body:
        return answer
    data = answer.body["data"]
    hollow: Any = {}
    if isinstance(data, list):
        hollow = []
    elif "statistics" in data:
        lists: dict[str, list[object]] = {name: [] for name in data if name != "statistics"}
        hollow = {**lists, "statistics": dict.fromkeys(data["statistics"], 0)}
    return Answer(answer.status, {**answer.body, "data": hollow})
