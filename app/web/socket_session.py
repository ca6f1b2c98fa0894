"""One WebSocket from its welcome to its end: a thread reads what is asked, another writes what is new.

Nothing is kept for who does not read but the newest: figures wait in the hub once for all, changes in a bounded queue.
What waits besides are answers, and who asks for more of them than we take is shown out.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import orjson

from app.core.clock import Clock, epoch_ms
from app.core.errors import Denied
from app.web.live import Batch, Watcher
from app.web.stream import BEAT, Live
from app.web.topics import Message, Topic
from app.web.wire import Broken, Wire

GOING, UNREADABLE, SIGNED_OUT, SILENT, TOO_MANY = 1001, 4400, 4401, 4408, 4429
AUTH_SECONDS = 10.0
SILENCE = 60.0  # seconds without a sign of life, though we ask for one
PING_BEATS = 4  # beats from one asking to the next
MOST_ASKED, WITHIN = 100, 10.0  # messages in so many seconds


class Ended(Exception):
    """The connection ends, with a close code and a sentence."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def wait_for(wire: Wire, seconds: float) -> Message:
    """The first message; raises Ended when it does not come, whatever other signs of life there are."""
    wire.be_done_in(seconds)
    try:
        return parsed(next(text for text in wire.read() if text is not None))
    except (TimeoutError, StopIteration):
        raise Ended(SIGNED_OUT, f"Nobody signed in within {seconds:.0f} seconds.") from None


def parsed(text: str) -> Message:
    """Raises Ended for what is no message."""
    with contextlib.suppress(orjson.JSONDecodeError):
        message = orjson.loads(text)
        if isinstance(message, dict) and isinstance(message.get("type"), str):
            return message
    raise Ended(UNREADABLE, 'Messages are JSON objects with a type, such as {"type": "ping"}.')


class Session:
    def __init__(self, desk: Live, wire: Wire, watcher: Watcher, topic: Topic) -> None:
        self._desk = desk
        self._wire = wire
        self._watcher = watcher
        self._topic = topic
        self._answers: deque[Message] = deque()
        self._asked = Turnstile(desk.clock)
        self._end: Ended | None = None
        self._beats = 0

    def run(self) -> None:
        """Until either side ends it. Raises Ended with what to close with."""
        reader = threading.Thread(target=self._read, name="websocket-in", daemon=True)
        self._wire.be_patient(SILENCE)
        self._wire.send(orjson.dumps({"type": "welcome", "beat_seconds": BEAT}))
        self._tell_first(self._watcher.take(0, self._desk.clock.monotonic()))
        reader.start()
        beat_at = self._desk.clock.monotonic() + BEAT
        while not self._watcher.closed:
            now = self._desk.clock.monotonic()
            if now >= beat_at:
                beat_at = now + BEAT
                self._beat()
            batch = self._watcher.take(max(0.0, beat_at - now), now)
            self._send_answers()
            if not batch.is_empty:
                self._send(*self._topic.news(batch))
        self._send_answers()
        raise self._end or Ended(SIGNED_OUT, "The session or token that opened this has ended.")

    def _tell_first(self, batch: Batch) -> None:
        is_whole = any(one.name == "changed" and one.data is None for one in batch.happenings)
        self._send(*self._topic.first(batch, self._watcher.came_back and not is_whole))
        self._send({"type": "beat", **self._desk.figures_of_beat()})

    def _beat(self) -> None:
        watcher, desk = self._watcher, self._desk
        if desk.passes.owner_of(watcher.pass_id, desk.hub.passes) != watcher.owner_id:
            raise Ended(SIGNED_OUT, "The session or token that opened this has ended.")
        desk.wishes.renew()
        self._beats += 1
        if self._beats % PING_BEATS == 0:
            self._wire.ping()
        self._send(*self._topic.beat(), {"type": "beat", **desk.figures_of_beat()})

    def _send(self, *messages: Message) -> None:
        for message in messages:
            self._wire.send(orjson.dumps(message))

    def _send_answers(self) -> None:
        while self._answers:
            self._send(self._answers.popleft())

    # -- the thread that reads

    def _read(self) -> None:
        end = Ended(GOING, "")
        try:
            for text in self._wire.read():
                if text is not None:
                    self._take(parsed(text))
        except Ended as refused:
            end = refused
        except Broken as broken:
            end = Ended(broken.code, broken.reason)
        except TimeoutError:
            end = Ended(SILENT, f"Nothing was heard of you for {SILENCE:.0f} seconds.")
        except OSError:
            end = Ended(GOING, "")  # it has gone: nobody hears this
        self._end = end
        self._watcher.close()

    def _take(self, message: Message) -> None:
        if not self._asked.lets_pass() or len(self._answers) > MOST_ASKED:
            raise Ended(TOO_MANY, f"More than {MOST_ASKED} messages in {WITHIN:.0f} seconds.")
        self._answers.append(self._answer(message))
        self._watcher.poke()

    def _answer(self, message: Mapping[str, Any]) -> Message:
        """A message may carry a `ref`, which its answer repeats."""
        ref = {"ref": message["ref"]} if isinstance(message.get("ref"), str | int) else {}
        if message["type"] == "ping":
            return {"type": "pong", "at": epoch_ms(self._desk.clock.now()), **ref}
        if message["type"] not in ("subscribe", "unsubscribe"):
            return _error("UNKNOWN_TYPE", "Messages are ping, subscribe and unsubscribe.") | ref
        try:
            return self._topic.asked(message) | ref
        except Denied as refused:
            return _error("DENIED", refused.message) | ref


class Turnstile:
    """Lets so many pass in a moving window."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._passed: deque[float] = deque(maxlen=MOST_ASKED)

    def lets_pass(self) -> bool:
        now = self._clock.monotonic()
        if len(self._passed) == MOST_ASKED and now - self._passed[0] < WITHIN:
            return False
        self._passed.append(now)
        return True


def _error(code: str, message: str) -> Message:
    return {"type": "error", "code": code, "message": message}
