"""A paper broker in a process of its own, on free ports, for any test that needs a real OpenAlgo server to talk to.

    with PaperServer(brokers=[{"name": "zerodha"}]) as paper:
        status, body = paper["zerodha"].call("placeorder", symbol="SBIN", ...)
        paper.fault("lost", endpoint="placeorder", next=1)

Rate limits are off and the market is always open unless the test asks otherwise.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import websocket

ROOT = Path(__file__).parents[2]
START = "2026-11-20T10:00:00+05:30"
PATIENCE = 60  # seconds for an answer: how long one takes says more about the machine than about the broker
Json = dict[str, Any]


class PaperBroker:
    """One of the served brokers, with a client of its own."""

    def __init__(self, shown: Json, api_key: str) -> None:
        self.name: str = shown["name"]
        self.rest_url: str = shown["rest_url"]
        self.ws_url: str = shown["ws_url"]
        self.api_key: str = api_key
        self.mode: str = shown["mode"]
        self.http = httpx.Client(base_url=self.rest_url, timeout=PATIENCE)

    def call(self, endpoint: str, **body: Any) -> tuple[int, Any]:
        """POST with our key; JSON answers are decoded, others given as text."""
        answer = self.http.post(f"/api/v1/{endpoint}", json={"apikey": self.api_key, **body})
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.status_code, answer.json() if is_json else answer.text

    def place(self, **order: Any) -> tuple[int, Any]:
        """A market order for one lot of a NIFTY option, unless told otherwise."""
        usual = {"exchange": "NFO", "action": "BUY", "quantity": 65, "pricetype": "MARKET", "product": "NRML"}
        return self.call("placeorder", strategy="test", **{"symbol": OPTION, **usual, **order})

    def order(self, orderid: str) -> Json:
        """The row of the order book."""
        rows = self.call("orderbook")[1]["data"]["orders"]
        return next(row for row in rows if row["orderid"] == orderid)

    def socket(self, timeout: float = PATIENCE) -> websocket.WebSocket:
        return websocket.create_connection(self.ws_url, timeout=timeout, class_=Socket)

    @contextlib.contextmanager
    def stream(self) -> Iterator["Stream"]:
        """An authenticated socket."""
        socket = self.socket()
        try:
            stream = Stream(socket)
            assert stream.ask(action="authenticate", api_key=self.api_key)["status"] == "success"
            yield stream
        finally:
            socket.close()


class Socket(websocket.WebSocket):
    """Closed by `close` whatever came before: the library leaves open what the server closed first."""

    def close(self, *how: Any, **more: Any) -> None:
        super().close(*how, **more)
        self.shutdown()


class Stream:
    def __init__(self, socket: websocket.WebSocket) -> None:
        self.socket = socket

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def hear(self) -> Json:
        return json.loads(self.socket.recv())

    def ask(self, **message: Any) -> Json:
        self.say(**message)
        return self.hear()

    def hear_type(self, kind: str) -> Json:
        """The next message of that type; others are passed over."""
        while True:
            message = self.hear()
            if message.get("type") == kind:
                return message


class PaperServer:
    def __init__(self, brokers: list[Json] | None = None, **settings: Any) -> None:
        listed = brokers or [{"name": "zerodha"}]
        self._config = {
            "seed": 7,
            "start": START,
            "brokers": [{"api_key": f"key-of-{b['name']}", "limits": False, **b} for b in listed],
            **settings,
        }
        self.process: subprocess.Popen[str] | None = None
        self.brokers: dict[str, PaperBroker] = {}

    def __enter__(self) -> "PaperServer":
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(self._config, file)
            file.flush()
            command = [sys.executable, "-m", "app.paper", "--config", file.name, "--with-parent"]
            self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            line = self.process.stdout.readline()
        if not line:
            self._end()
            raise AssertionError(f"the paper broker did not start (exit code {self.process.returncode})")
        ready = json.loads(line)
        keys = {broker["name"]: broker["api_key"] for broker in self._config["brokers"]}
        self.brokers = {shown["name"]: PaperBroker(shown, keys[shown["name"]]) for shown in ready["brokers"]}
        self.control = httpx.Client(base_url=ready["control_url"], timeout=PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        for broker in self.brokers.values():
            broker.http.close()
        self.control.close()
        self._end()

    def _end(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def __getitem__(self, name: str) -> PaperBroker:
        return self.brokers[name]

    def tell(self, what: str, **body: Any) -> Json:
        """POST to the control endpoint."""
        answer = self.control.post(f"/_paper/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, **spec: Any) -> str:
        """Add a fault to every broker, or those `broker` names; gives the id of the first."""
        return self.tell("faults", kind=kind, **spec)["added"][0]["id"]

    def heal(self) -> None:
        assert self.control.delete("/_paper/faults").status_code == 200

    def reset(self) -> None:
        self.tell("reset")

    def state(self, broker: str) -> Json:
        return self.control.get("/_paper/state").json()["brokers"][broker]

    def books(self, broker: str, mode: str = "live") -> Json:
        return self.state(broker)["books"][mode]


OPTION = "NIFTY24NOV2626050CE"
