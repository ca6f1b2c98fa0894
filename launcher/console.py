"""What the launcher says to the person at the terminal, and how it gives up.

Whatever takes over a second shows that it is alive: a changing line on a terminal, one in a while in a file.
Nothing here raises OSError: a closed terminal or a full disk behind a log must not end what guards open positions.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

FAILED = 1
EVERY_ON_TERMINAL = 0.2
EVERY_IN_FILE = 10.0


class Stop(Exception):
    """The command can't go on; the message is one sentence that says what to do about it."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def say(text: str) -> None:
    """On standard output; nobody may be there to read it any more."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


def complain(text: str) -> None:
    """On standard error, like `say`."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


class Progress:
    """The state of one long step; `detail` may be changed by the step while it is shown."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.detail = ""
        self.started = time.monotonic()

    def __str__(self) -> str:
        seconds = int(time.monotonic() - self.started)
        return f"{self.title} … {seconds} s {self.detail}".rstrip()


@contextlib.contextmanager
def progress(title: str) -> Iterator[Progress]:
    """Show `title` with the seconds gone once a step takes longer than one."""
    shown = Progress(title)
    done = threading.Event()
    watcher = threading.Thread(target=_show, args=(shown, done), daemon=True)
    watcher.start()
    try:
        yield shown
    finally:
        done.set()
        watcher.join()


def _show(shown: Progress, done: threading.Event) -> None:
    if done.wait(1):
        return
    terminal = sys.stdout.isatty()
    while True:
        _put(f"\r\033[K{str(shown)[:100]}" if terminal else f"{shown}\n")
        if done.wait(EVERY_ON_TERMINAL if terminal else EVERY_IN_FILE):
            break
    if terminal:
        _put("\r\033[K")


def _put(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stdout.write(text)
        sys.stdout.flush()
