"""The guided connection test: reachable, key, broker login, mode, funds, stream; it stops where it first fails.

A wrong key and a missing broker login look the same on `ping`. `search` asks for the key alone, so the two together
tell them apart. A key that was refused once stays refused for five minutes on the server.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson
import websocket

from app.core.clock import Clock
from app.core.errors import DeskError, Invalid
from app.venues.openalgo import books
from app.venues.openalgo.answers import NoReply, Result, clean, means_bad_login, reading
from app.venues.openalgo.client import DeskApi
from app.venues.openalgo.line import SIGN_IN_SECONDS, open_websocket
from app.venues.types import CheckStep, Connection

CURRENCY = "INR"  # what every broker behind such a server counts in
PAPER_BROKER = "paper"  # a broker that calls itself so trades no money, whatever mode its server is in
HINTS = {
    "reachable": "Is the OpenAlgo server running, and are its address and port right?",
    "key": "Copy the API key from OpenAlgo's API Key page. A key that was refused before stays refused for 5 minutes.",
    "broker login": "Log in to the broker on the OpenAlgo server's own page; this is needed once a day.",
    "mode": "The server did not say whether it is live or in analyzer mode.",
    "funds": "The broker's session may have ended: log in again on the OpenAlgo server's page.",
    "stream": "Is the WebSocket address right? It is often ws://host:8765, or wss://domain/ws behind a proxy.",
}


class Failed(Exception):
    """A step of the test that did not pass."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Passed:
    message: str
    facts: dict[str, str] = field(default_factory=dict)


class Check:
    def __init__(self, api: DeskApi, connection: Connection, clock: Clock) -> None:
        self._api = api
        self._connection = connection
        self._clock = clock
        self._ping: Result | None = None
        self._broker = ""

    def steps(self) -> Iterator[CheckStep]:
        tests: dict[str, Callable[[], Passed]] = {
            "reachable": self._reachable,
            "key": self._key,
            "broker login": self._broker_login,
            "mode": self._mode,
            "funds": self._funds,
            "stream": self._stream,
        }
        for name, test in tests.items():
            step = self._step(name, test)
            yield step
            if not step.passed:
                return

    def _step(self, name: str, test: Callable[[], Passed]) -> CheckStep:
        began = self._clock.monotonic()
        try:
            done = test()
        except (Failed, DeskError) as problem:
            hint = getattr(problem, "hint", "") or HINTS[name]
            return CheckStep(name, False, self._words(problem), self._since(began), hint)
        return CheckStep(name, True, done.message, self._since(began), facts=done.facts)

    def _since(self, began: float) -> int:
        return round((self._clock.monotonic() - began) * 1000)

    def _words(self, problem: Exception) -> str:
        if isinstance(problem, Invalid):
            return " ".join(sentence for sentences in problem.fields.values() for sentence in sentences)
        return clean(str(problem), self._api.api_key)

    # -- The steps

    def _reachable(self) -> Passed:
        self._ping = self._api.ping()
        if isinstance(self._ping, NoReply):
            raise Failed(self._ping.problem)
        if not isinstance(self._ping.body, dict) or self._ping.status == 404:
            raise Failed(
                f"Something answers there, but not as OpenAlgo does (HTTP {self._ping.status}).",
                "Give the address of the OpenAlgo server itself, without a path.",
            )
        return Passed("The server answers.")

    def _key(self) -> Passed:
        if not self._is_refused():
            return Passed("The server knows the key.")
        if means_bad_login(self._api.call("search", {"query": "SBIN", "exchange": "NSE"})):
            raise Failed("The server does not know this key.")
        return Passed("The server knows the key.")

    def _is_refused(self) -> bool:
        """Whether the ping was turned down for its key or for the broker login; any other fault raises."""
        ping = self._ping
        if ping is None or means_bad_login(ping):
            return True
        reading(ping, self._api.api_key)
        return False

    def _broker_login(self) -> Passed:
        if self._ping is None or means_bad_login(self._ping):
            raise Failed("The server is not logged in to its broker.")
        data = reading(self._ping, self._api.api_key).get("data")
        self._broker = str(data.get("broker", "")) if isinstance(data, dict) else ""
        return Passed(f"Logged in to {self._broker or 'the broker'}.", {"broker": self._broker})

    def _mode(self) -> Passed:
        body = reading(self._api.call("analyzer", {}), self._api.api_key)
        data = body.get("data")
        analyze = data.get("analyze_mode") if isinstance(data, dict) else None
        if not isinstance(analyze, bool):
            raise Failed("The server did not name its mode.")
        if analyze:
            return Passed("Analyzer mode: orders stay in the server's simulator.", {"mode": "paper"})
        if self._broker.startswith(PAPER_BROKER):
            return Passed("A paper broker: no order leaves this machine.", {"mode": "paper"})
        return Passed(
            "Live mode: orders go to the broker. Whether each waits for a person's approval shows at the first.",
            {"mode": "live"},
        )

    def _funds(self) -> Passed:
        funds = books.funds(reading(self._api.call("funds", {}), self._api.api_key))
        return Passed("The funds can be read.", {"available": str(funds.available), "currency": CURRENCY})

    def _stream(self) -> Passed:
        try:
            answer = self._greet()
        except (OSError, websocket.WebSocketException, ValueError) as problem:
            raise Failed(str(problem) or type(problem).__name__) from None
        if answer.get("type") == "auth" and answer.get("status") == "success":
            return Passed("Prices and order updates can be received.")
        raise Failed(f"{answer.get('message', 'The stream refused us')} ({answer.get('code', 'no code')}).")

    def _greet(self) -> dict[str, object]:
        opened = open_websocket(self._connection)
        try:
            opened.settimeout(SIGN_IN_SECONDS)
            opened.send(orjson.dumps({"action": "authenticate", "api_key": self._api.api_key}))
            answer = orjson.loads(opened.recv())
        finally:
            opened.close(timeout=1)
        if not isinstance(answer, dict):
            raise ValueError("The stream does not speak as OpenAlgo's does.")
        return answer
