"""Running the engine until it is told to stop."""

import signal
import threading
from argparse import Namespace

from app.core.log import set_up
from app.engine import assembly
from app.wiring import build
from config import Settings


def engine(_options: Namespace, settings: Settings) -> int:
    set_up(settings.log_folder, "engine")
    services = build(settings, "engine")
    services.accounts.verify_key()
    running = assembly.build(services)
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    running.start()
    print("The engine is ready.", flush=True)
    while not leaving.wait(0.5) and not running.lost.is_set():
        pass
    running.stop()
    services.close()
    return 1 if running.lost.is_set() else 0
