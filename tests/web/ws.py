"""A program at the other end of a WebSocket of the desk."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import websocket


class Ended(Exception):
    """The desk ended it, with a code and a reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Program:
    def __init__(self, port: int, path: str, timeout: float = 30, **options: Any) -> None:
        self.wire = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=timeout, **options)

    def say(self, kind: str, **more: Any) -> None:
        self.wire.send(json.dumps({"type": kind, **more}))

    def hear(self, *kinds: str) -> dict[str, Any]:
        """The next message, or the next of one of these types. Raises Ended."""
        while True:
            code, data = self.wire.recv_data()
            if code == websocket.ABNF.OPCODE_CLOSE:
                raise Ended(int.from_bytes(data[:2], "big"), data[2:].decode())
            message: dict[str, Any] = json.loads(data)
            if not kinds or message["type"] in kinds:
                return message

    def hear_news(self) -> dict[str, Any]:
        """The next message that is no beat: those come whenever their time has come."""
        while (message := self.hear())["type"] == "beat":
            pass
        return message

    def hear_the_end(self) -> Ended:
        try:
            while True:
                self.hear()
        except Ended as end:
            return end


@contextmanager
def connected(port: int, path: str, **options: Any) -> Iterator[Program]:
    program = Program(port, path, **options)
    try:
        yield program
    finally:
        program.wire.close(timeout=1)
        program.wire.shutdown()
