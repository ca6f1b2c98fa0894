"""Every recorded exchange with a real OpenAlgo server, repeated against the paper broker."""

import json
from contextlib import closing
from typing import Any

import pytest

from tests.paper import captures
from tests.paper.captures import assert_alike
from tests.paper.running import PaperBroker, PaperServer
from tests.waiting import until

SATURDAY_MORNING = "2026-11-21T07:35:42+05:30"
PUT = "NIFTY24NOV2626050PE"


@pytest.fixture(scope="module")
def weekend():
    """As when the captures were made: a Saturday before nine, in analyze mode."""
    broker = {"name": "loopstub", "mode": "analyze"}
    with PaperServer([broker], sessions="calendar", start=SATURDAY_MORNING) as paper:
        paper.tell("market", name="NIFTY", pin=26010)
        yield paper


class Replay:
    """Repeats recorded requests with our key and our order ids."""

    def __init__(self, paper: PaperServer) -> None:
        self.paper = paper
        self.broker: PaperBroker = paper["loopstub"]
        self.ids: dict[str, str] = {}

    def send(self, name: str, **changes: Any) -> Any:
        capture = captures.load(name)
        request, theirs = capture["request"], capture["response"]
        answer = self.broker.http.request(
            request["method"], self._path(request["path"]), **self._content(request, changes)
        )
        assert answer.status_code == theirs["status"], f"{name}: {answer.text}"
        assert answer.headers["content-type"].startswith(theirs["content_type"])
        if theirs["content_type"] == "text/csv":
            assert answer.text.splitlines()[0] == theirs["body"].splitlines()[0]
            return answer.text
        assert_alike(theirs["body"], answer.json(), name)
        self._learn(theirs["body"], answer.json())
        return answer.json()

    def _path(self, path: str) -> str:
        return path.replace("<apikey>", self.broker.api_key)

    def _content(self, request: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        if request["json"] is None:
            return {"content": request["raw"], "headers": {"Content-Type": request["content_type"]}}
        body = {key: self.ids.get(str(value), value) for key, value in request["json"].items()}
        if body.get("apikey") == "<apikey>":
            body["apikey"] = self.broker.api_key
        return {"json": {**body, **changes}}

    def _learn(self, theirs: Any, ours: Any) -> None:
        for key in ("orderid", "trigger_id"):
            if theirs.get(key):
                self.ids[theirs[key]] = ours[key]


@pytest.mark.parametrize("name", [*captures.names("err"), *captures.names("mkt")])
def test_it_answers_like_openalgo(weekend, name):
    Replay(weekend).send(name)


def test_a_day_in_analyze_mode_is_answered_like_openalgo(weekend):
    weekend.reset()
    replay = Replay(weekend)
    put = replay.broker.call("quotes", symbol=PUT, exchange="NFO")[1]["data"]["ltp"]
    for name in captures.names("ana"):
        if name.startswith("ana-025"):
            weekend.tell("market", name="NIFTY", pin=25900)
        changes = {"trigger_price": round(put + 10, 1)} if name.startswith("ana-023") else {}
        replay.send(name, **changes)


def test_a_burst_of_orders_is_cut_at_ten_a_second():
    with PaperServer([{"name": "strict", "mode": "analyze", "limits": True}]) as paper:
        broker, refused = paper["strict"], captures.load("rate-001-placeorder-burst-25")["example_429"]["body"]

        def burst():
            answers = [broker.place() for _ in range(13)]
            return [status for status, _ in answers], answers[-1][1]

        until(lambda: burst() == ([200] * 10 + [429] * 3, refused), every=1.1)
        assert broker.call("funds")[0] == 200


# -- WebSocket


@pytest.fixture(scope="module")
def weekday():
    hasty = {"name": "hasty", "mode": "analyze", "auth_timeout_s": 1}
    with PaperServer([{"name": "loopstub", "mode": "analyze"}, hasty]) as paper:
        yield paper


class Conversation:
    """Repeats what was sent and holds what comes back against what came back then."""

    def __init__(self, broker: PaperBroker) -> None:
        self._key = broker.api_key
        self._socket = broker.socket()

    def repeat(self, transcript: list[dict[str, Any]]) -> None:
        for line in transcript:
            if line["dir"] == "send":
                self.send(line["msg"])
            else:
                self.expect(line["msg"])

    def send(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self._socket.send(text.replace("<apikey>", self._key))

    def expect(self, theirs: dict[str, Any]) -> None:
        wants_data = theirs.get("type") == "market_data"
        while True:
            ours = json.loads(self._socket.recv())
            if not wants_data and ours.get("type") == "market_data":
                continue
            if wants_data and (ours["symbol"], ours["mode"]) != (theirs["symbol"], theirs["mode"]):
                continue
            if wants_data and set(ours["data"]) != set(theirs["data"]):
                continue  # the other client's richer subscription is about to begin or to end
            assert_alike(theirs, ours, "message")
            return

    def close(self) -> None:
        self._socket.close()


APART = ("ws-013", "ws-014", "ws-016", "ws-017")
ALONE = [name for name in captures.names("ws") if not name.startswith(APART)]


@pytest.mark.parametrize("name", ALONE)
def test_it_talks_like_openalgo(weekday, name):
    with closing(Conversation(weekday["loopstub"])) as talk:
        talk.repeat(captures.load(name)["transcript"])


def test_a_client_that_asked_for_ltp_gets_the_richest_payload_anybody_wants(weekday):
    transcript = captures.load("ws-014-two-clients-ltp-side")["transcript"]
    until_depth = next(n for n, line in enumerate(transcript) if "depth" in line["msg"].get("data", {})) + 1
    with closing(Conversation(weekday["loopstub"])) as plain:
        with closing(Conversation(weekday["loopstub"])) as deep:
            deep.repeat(captures.load("ws-013-two-clients-depth-side")["transcript"])
            plain.repeat(transcript[:until_depth])
        plain.repeat(transcript[-1:])


def test_order_updates_tell_the_life_of_an_order(weekday):
    lines = captures.load("ws-016-orders-channel")["transcript"]
    with closing(Conversation(weekday["loopstub"])) as talk:
        talk.repeat(lines[:4])
        weekday["loopstub"].place()
        refused = {"symbol": "SBIN", "exchange": "NSE", "product": "CNC", "action": "SELL", "quantity": 1}
        assert weekday["loopstub"].place(**refused)[0] == 400
        talk.repeat(lines[4:])


def test_a_silent_newcomer_is_closed(weekday):
    expected = captures.load("ws-017-no-auth-timeout")["transcript"][0]["msg"]
    with closing(weekday["hasty"].socket()) as socket:
        opcode, data = socket.recv_data()
    assert opcode == 8
    assert int.from_bytes(data[:2], "big") == expected["close_code"]
    assert data[2:].decode() == expected["reason"]
