"""Running the engine until it is told to stop."""

import gc
import signal
import threading
from argparse import Namespace

from app import tables
from app.core.log import set_up
from app.engine import assembly
from app.wiring import build
from config import Settings

SETTLED = 4.0  # seconds after which the accounts are open and the venues' libraries are loaded


def engine(_options: Namespace, settings: Settings) -> int:
    set_up(settings.log_folder, "engine")
    services = build(settings, "engine")
    tables.check(services.db)
    services.accounts.verify_key()
    services.signals.verify_key()
    running = assembly.build(services)
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    running.start()
    print("The engine is ready.", flush=True)
    settling = threading.Timer(SETTLED, settle, [running])
    settling.start()
    while not leaving.wait(0.5) and not running.lost.is_set():
        pass
    settling.cancel()
    running.stop()
    services.close()
    return 1 if running.lost.is_set() else 0


def settle(running: assembly.Engine) -> None:
    """What was imported and built by now lives as long as the engine: looking through it again and again would stop
    every thread for a tenth of a second at a time. What comes later is looked through at quiet moments, by a job."""
    running.runs.rehearse()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
