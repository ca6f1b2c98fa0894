"""Answers recorded from a running OpenAlgo server."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from app.venues.openalgo.answers import Reply

FOLDER = Path(__file__).resolve().parents[2] / "data" / "openalgo"


@cache
def capture(name: str) -> dict[str, Any]:
    """The recording whose file name starts with `name`, e.g. "ana-004"."""
    (path,) = FOLDER.glob(f"{name}-*.json")
    return json.loads(path.read_text())


def names(prefix: str) -> list[str]:
    return sorted("-".join(path.name.split("-")[:2]) for path in FOLDER.glob(f"{prefix}-*.json"))


def reply(name: str) -> Reply:
    response = capture(name)["response"]
    body = response["body"]
    return Reply(response["status"], None, body) if isinstance(body, str) else Reply(response["status"], body)


def body(name: str) -> dict[str, Any]:
    return capture(name)["response"]["body"]


def received(name: str) -> list[dict[str, Any]]:
    """What the server sent on a recorded WebSocket."""
    return [step["msg"] for step in capture(name)["transcript"] if step["dir"] == "recv"]
