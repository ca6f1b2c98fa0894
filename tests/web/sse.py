"""An app over a real server in threads, and a reader of its server-sent events over a plain socket."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from flask import Flask

from tests.web.serving import served


class Event(NamedTuple):
    id: str
    name: str
    data: Any


class Stream:
    def __init__(self, port: int, path: str = "/stream", timeout: float = 30, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("GET", path, headers={"Accept": "text/event-stream", **spelled})
        self.response = self._connection.getresponse()
        self.status = self.response.status

    def json(self) -> Any:
        return json.loads(self.response.read())

    def hear(self) -> Event | None:
        """The next event; None at the end of the stream."""
        lines: dict[str, str] = {}
        while True:
            line = self.response.readline().decode()
            if not line:
                return None
            if line == "\n" and "data" in lines:
                return Event(lines.get("id", ""), lines["event"], json.loads(lines["data"]))
            name, _, value = line.rstrip("\n").partition(": ")
            lines[name] = value

    def hear_news(self) -> Event | None:
        """The next event that is no beat: those come whenever their time has come."""
        while (event := self.hear()) is not None and event.name == "beat":
            pass
        return event

    def hear_until(self, name: str) -> Event:
        """The next event of that name; others are passed over."""
        while (event := self.hear()) is not None:
            if event.name == name:
                return event
        raise AssertionError(f"the stream ended without a {name}")

    def hear_all(self, *names: str) -> dict[str, Any]:
        """What the next events of these names say, in whatever order they come."""
        told: dict[str, Any] = {}
        while set(names) - told.keys():
            event = self.hear()
            assert event is not None, f"the stream ended with {told}"
            told.setdefault(event.name, event.data)
        return told

    def close(self) -> None:
        self.response.close()
        self._connection.close()


@contextmanager
def opened(port: int, path: str = "/stream", **headers: str) -> Iterator[Stream]:
    stream = Stream(port, path, **headers)
    try:
        yield stream
    finally:
        stream.close()


@contextmanager
def serving(app: Flask) -> Iterator[int]:
    """The port of a server that ends with the block, and its streams with it."""
    with served(app) as port:
        try:
            yield port
        finally:
            for watcher in app.extensions["live"].hub.watchers():
                watcher.close()
