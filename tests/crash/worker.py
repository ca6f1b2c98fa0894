"""One player of the campaign as a process: told what to do on its first line of stdin, it tells what happens as JSON
lines; when its stdin ends, it stops and leaves nothing behind.

    {"work": "rounds", "folder": ..., "database": "sqlite", "postgres": 0, "seed": 1, "kills": 50, "first": 0,
     "step": 1, "rehearse": true}
    {"work": "walk", "folder": ..., "database": "postgres", "postgres": 5432, "kind": "committed"}
"""

import json
import os
import signal
import sys
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash.engines import world
from tests.crash.rounds import Order, Player
from tests.crash.walk import ONE_BROKER, walk
from tests.servers import postgres_database

Json = dict[str, Any]


def main() -> None:
    asked = json.loads(sys.stdin.readline())
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_leave_with_stdin, daemon=True).start()
    {"rounds": _rounds, "walk": _walk}[asked["work"]](asked)


def tell(what: Json) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


def _leave_with_stdin() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _fresh(asked: Json) -> AbstractContextManager[str]:
    return postgres_database(asked["postgres"]) if asked["postgres"] else nullcontext("")


def _rounds(asked: Json) -> None:
    keys = ("database", "seed", "kills", "first", "step", "rehearse")
    order = Order(folder=Path(asked["folder"]), fresh=partial(_fresh, asked), **{key: asked[key] for key in keys})
    with Player(order, tell) as player:
        player.play()


def _walk(asked: Json) -> None:
    told: Json = {"database": asked["database"]}
    folder = Path(asked["folder"])
    point = "the first"

    def died(at: str) -> None:
        nonlocal point
        point = at
        tell(told | {"told": "point", "point": at})

    with _fresh(asked) as url, world(folder, url, ONE_BROKER) as made:
        try:
            walk(made, asked["kind"], died)
        except Exception as error:  # whatever it is, it is this walk's finding
            failure = f"after {point} of {asked['kind']}: {type(error).__name__}: {error}"
            tell(told | {"told": "walk", "kind": asked["kind"], "failure": failure, "folder": str(folder)})
            return
    tell(told | {"told": "walk", "kind": asked["kind"], "failure": "", "folder": ""})


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
