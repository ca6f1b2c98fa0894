"""How many browsers and programs hold a stream open, over all web processes: each says its own number at every beat."""

from datetime import timedelta
from typing import Any, cast

from flask import current_app

from app.core.clock import Clock
from app.core.ids import new_id
from app.core.pulse import Pulse
from app.web.live import LiveHub

PREFIX = "web:"
BELIEVED = timedelta(seconds=12)  # a process that was silent for longer is gone, and its streams with it
KEPT = timedelta(hours=1)


class Sockets:
    """The link's handler of a web process: everything goes to the hub, and a beat is answered with a number."""

    def __init__(self, hub: LiveHub, pulse: Pulse, clock: Clock) -> None:
        self._hub = hub
        self._pulse = pulse
        self._clock = clock
        self._name = PREFIX + new_id()
        self._told: int | None = None

    def take(self, kind: str, payload: dict[str, Any]) -> None:
        self._hub.take(kind, payload)
        if kind == "beat":
            self._tell()

    def count(self) -> int:
        """Of all processes; of this one as it is at this moment."""
        now = self._clock.now()
        others = (
            int(beat.detail.get("clients", 0))
            for name, beat in self._pulse.read().items()
            if name.startswith(PREFIX) and name != self._name and now - beat.at < BELIEVED
        )
        return len(self._hub.watchers()) + sum(others)

    def _tell(self) -> None:
        if self._told is None:
            self._pulse.forget(PREFIX, self._clock.now() - KEPT)
        open_here = len(self._hub.watchers())
        if open_here or self._told:
            self._pulse.beat(self._name, {"clients": open_here})
        self._told = open_here


def open_sockets() -> int:
    return cast(Sockets, current_app.extensions["sockets"]).count()
