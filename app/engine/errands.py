"""Errands of the web that need a venue: each runs in the engine's pool and answers in its row."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from app.core import errands
from app.core.clock import Clock
from app.core.db import Database
from app.core.errands import Errand, ErrandDone
from app.core.errors import DeskError

log = structlog.get_logger()
Handler = Callable[[Errand], dict[str, Any]]
AT_ONCE = 8


class Desk:
    """The desk where errands are taken and answered."""

    def __init__(
        self, db: Database, clock: Clock, handlers: Mapping[str, Handler], announce: Callable[[object], None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._handlers = handlers
        self._announce = announce
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="errand")

    def take(self) -> bool:
        """Start what is waiting; True when there was something."""
        taken = errands.claim(self._db, self._clock.now())
        for errand in taken:
            self._pool.submit(self._answer, errand)
        return bool(taken)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, errand: Errand) -> None:
        answer, trouble = None, None
        try:
            answer = self._handlers[errand.kind](errand)
        except DeskError as error:
            trouble = error.message
        except Exception as error:  # whoever waits is told; the details are in the log
            log.exception("errand_failed", errand_id=errand.id, kind=errand.kind)
            trouble = f"The desk could not do this ({type(error).__name__}). The log has the details."
        errands.finish(self._db, errand.id, self._clock.now(), answer, trouble)
        self._announce(ErrandDone(errand.id, errand.owner_id, errand.kind))
