"""A thread that takes the same step again and again, until it is stopped.

A step that fails is logged and counted for nothing else: the next one tries again.
"""

import threading
from abc import ABC, abstractmethod

import structlog

log = structlog.get_logger()
PATIENCE = 5.0  # seconds that the last step may take when all ends


class Stepping(ABC):
    """What is kept up to date by steps; `start` after all else is made."""

    def __init__(self, name: str, every: float) -> None:
        """`name` of the thread, seconds from the end of one step to the next."""
        self._name = name
        self._every = every
        self._is_ending = False
        self._turn = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def step(self) -> object:
        """One turn, in the thread."""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """From any thread: the next step is due now."""
        self._turn.set()

    def stop(self) -> None:
        """Waits for the step that runs."""
        self._is_ending = True
        self._turn.set()
        if self._thread:
            self._thread.join(PATIENCE)

    def _run(self) -> None:
        while True:
            self._turn.wait(self._every)
            self._turn.clear()
            if self._is_ending:
                return
            try:
                self.step()
            except Exception:  # the next step tries again
                log.exception("step_failed", thread=self._name)
