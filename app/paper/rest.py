"""One REST call from bytes to answer, in OpenAlgo's order: rate limit, JSON, fields, key, then the endpoint.

A call runs to its end even when the client has gone: giving up does not take an order back.
"""

import asyncio
import inspect
import time
from dataclasses import dataclass
from typing import Any

import orjson

from app.paper import call_faults, rest_books, rest_bulk, rest_gtt, rest_market, rest_options, rest_orders
from app.paper.broker import Broker
from app.paper.call_faults import Loss
from app.paper.endpoints import (
    Access,
    Answer,
    Body,
    Endpoint,
    SemiAuto,
    Style,
    failed,
    plain_error,
)
from app.paper.faults import CALL, Fault
from app.paper.fields import Invalid

PREFIX = "/api/v1/"
BAD_REQUEST = "The browser (or proxy) sent a request that this server could not understand."
UNEXPECTED = "An unexpected error occurred"
BAD_KEY = "Invalid openalgo apikey"
QUEUED = "Order queued for approval in Action Center"
ROOMS = (rest_orders, rest_bulk, rest_books, rest_market, rest_options, rest_gtt)
ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    (endpoint.method, endpoint.name): endpoint for room in ROOMS for endpoint in room.ENDPOINTS
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came off the wire."""

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    body: bytes
    address: str


async def answer(broker: Broker, call: Call) -> Answer | Loss:
    name = call.path.removeprefix(PREFIX).rstrip("/") if call.path.startswith(PREFIX) else ""
    endpoint = ENDPOINTS.get((call.method, name))
    if endpoint is None:
        return plain_error(404, "Not found", path=call.path)
    given = await _answer(broker, endpoint, call)
    broker.counters[endpoint.name] += 1
    outcome = given.how if isinstance(given, Loss) else given.status
    broker.counters[f"{endpoint.name} {outcome}"] += 1
    return given


async def _answer(broker: Broker, endpoint: Endpoint, call: Call) -> Answer | Loss:
    refusal = broker.limiter.refusal(call.address, endpoint.name, endpoint.limit, time.monotonic())
    if refusal:
        return Answer(429, {"message": refusal})
    raw = _raw(endpoint, call)
    if isinstance(raw, Answer):
        return raw
    try:
        body = endpoint.schema.load(raw)
    except Invalid as invalid:
        return _invalid(broker, endpoint, invalid)
    if not _allowed(broker, endpoint, body):
        return plain_error(403, BAD_KEY)
    return await _work(broker, endpoint, body)


def _raw(endpoint: Endpoint, call: Call) -> Any:
    if endpoint.method == "GET":
        return call.query
    if call.content_type != "application/json":
        return plain_error(500, UNEXPECTED)
    try:
        return orjson.loads(call.body)
    except orjson.JSONDecodeError:
        return Answer(400, {"message": BAD_REQUEST})


def _invalid(broker: Broker, endpoint: Endpoint, invalid: Invalid) -> Answer:
    style, errors = endpoint.style, invalid.errors
    if style is Style.OBJECT:
        return plain_error(400, errors)
    if style is Style.TEXT:
        return plain_error(400, str(errors))
    if style is Style.TEXT_WITH_MODE:
        return failed(broker, 400, str(errors))
    return plain_error(400, style.value, errors=errors)


def _allowed(broker: Broker, endpoint: Endpoint, body: Body) -> bool:
    if endpoint.access is Access.NONE:
        return True
    good = body["apikey"] == broker.config.api_key
    return good and (broker.logged_in or endpoint.access is Access.KEY)


async def _work(broker: Broker, endpoint: Endpoint, body: Body) -> Answer | Loss:
    rtt = broker.config.rtt_ms
    if not broker.faults and not rtt:
        return await _handle(broker, endpoint, body, [])
    symbol, action = body.get("symbol") or "", body.get("action") or ""
    faults = broker.faults.take(CALL, endpoint.name, symbol, action.upper())
    before, after = call_faults.delays(faults, rtt, broker.faults.jitter)
    clock = asyncio.get_running_loop().time
    answers_at = clock() + before + after
    if before:
        await asyncio.sleep(before)
    given = call_faults.early(endpoint.name, faults) or await _handle(broker, endpoint, body, faults)
    if isinstance(given, Answer):
        given = call_faults.late(endpoint.name, faults, given)
    left = answers_at - clock()
    if left > 0:
        await asyncio.sleep(left)
    return given


async def _handle(broker: Broker, endpoint: Endpoint, body: Body, faults: list[Fault]) -> Answer:
    if endpoint.semi_auto is not SemiAuto.ANSWER:
        broker.total_logs += not broker.live
        if broker.semi_auto or any(fault.kind == "semi_auto" for fault in faults):
            held_back = _semi_auto(broker, endpoint, body)
            if held_back is not None:
                return held_back
    return await run(broker, endpoint, body)


def _semi_auto(broker: Broker, endpoint: Endpoint, body: Body) -> Answer | None:
    """Placing waits for a person in both modes; what would change orders is refused live."""
    if endpoint.semi_auto is SemiAuto.QUEUE:
        number = broker.queue(endpoint.name, body)
        queued = {"status": "success", "mode": "semi_auto", "pending_order_id": number, "message": QUEUED}
        return Answer(200, queued)
    if broker.live:
        return plain_error(
            403, f"Operation {endpoint.name} is not allowed in Semi-Auto mode. Please switch to Auto mode."
        )
    return None


async def run(broker: Broker, endpoint: Endpoint, body: Body) -> Answer:
    given = endpoint.handle(broker, body)
    return await given if inspect.isawaitable(given) else given


def encoded(given: Answer) -> bytes:
    return (
        given.body.encode() if isinstance(given.body, str) else orjson.dumps(given.body, option=orjson.OPT_NON_STR_KEYS)
    )
