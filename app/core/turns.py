"""One at a time, the urgent first: orders do not queue behind what only keeps a page up to date."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    def __init__(self) -> None:
        self._change = threading.Condition()
        self._is_taken = False
        self._urgent = 0  # waiting

    @contextmanager
    def turn(self, urgent: bool = False) -> Iterator[None]:
        self._take(urgent)
        try:
            yield
        finally:
            with self._change:
                self._is_taken = False
                self._change.notify_all()

    def _take(self, urgent: bool) -> None:
        with self._change:
            self._urgent += urgent
            try:
                while self._is_taken or (self._urgent and not urgent):
                    self._change.wait()
            finally:
                self._urgent -= urgent
            self._is_taken = True
