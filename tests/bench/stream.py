"""Figures to many browsers: how old a price is when its bytes arrive, what a connection costs, and who waits for whom.

The web is served as the launcher does, by one worker kept on one core; ticks and figures come from a process of their
own over the link; the browsers are plain sockets. The goal for 1,000 browsers at 4 Hz: 300 ms at the 99th percentile,
of which up to 250 are the figures' own pace.
"""

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

import config
from app import wiring
from app.commands.setup import upgrade
from tests.bench.fanout import cpu_seconds
from tests.bench.stream_desk import fill
from tests.bench.stream_readers import MARKET, Browser, Programs, Readers
from tests.servers import running
from tests.web.test_stream_served import command

TABS = 5  # a person's; six are the most
SHOWN = 20  # symbols on a page
TICKS = 1000  # a second, over 250 symbols
SLOW = 20
SETTLE = 6.0


def measure(browsers: int, held: int, seconds: float, websocket: bool = False) -> dict[str, Any]:
    """Of pages over event streams, or of as many programs over WebSockets that subscribed to the same symbols. Delays
    in milliseconds, memory in kilobytes per connection, the server's share of its core from 0 to 1.
    """
    _allow_files(2 * held + 500)
    with (
        tempfile.TemporaryDirectory(prefix="mirrordesk-stream-") as folder,
        _served(Path(folder), browsers, held, websocket) as s,
    ):
        server, readers, tabs = s
        empty = _memory(server)
        readers.open(tabs[:browsers])
        alone = _phase(readers, server, seconds)
        with _slow(readers, tabs[: SLOW * TABS : TABS]):
            beside = _phase(readers, server, seconds)
        readers.open(tabs[browsers:])
        crowd = _phase(readers, server, seconds)
        return {
            "browsers": browsers,
            "held": sum(not one.ended for one in readers.browsers),
            "alone": alone,
            "beside_slow": beside | {"slow": SLOW},
            "all_held": crowd,
            "kb_per_connection": round((_memory(server) - empty) / len(tabs), 1),
        }


def tell(found: dict[str, Any]) -> str:
    lines = [
        f"{'':24} p50 ms  p99 ms  max ms  events/s  core",
        *(
            f"{name:24} {one['p50']:6.0f} {one['p99']:7.0f} {one['max']:7.0f} {one['events']:9.0f} {one['core']:5.0%}"
            for name, one in (
                (f"{found['browsers']} browsers", found["alone"]),
                (f"with {found['beside_slow']['slow']} that never read", found["beside_slow"]),
                (f"{found['held']} held", found["all_held"]),
            )
        ),
        f"memory per connection {found['kb_per_connection']:.0f} KB",
    ]
    return "\n".join(lines)


def _phase(readers: Readers, server: int, seconds: float) -> dict[str, float]:
    readers.read(SETTLE)
    spent, begun = cpu_seconds(server), time.monotonic()
    readers.read(seconds)
    took = time.monotonic() - begun
    parts = statistics.quantiles(readers.delays, n=1000)
    return {
        "p50": round(parts[499], 1),
        "p95": round(parts[949], 1),
        "p99": round(parts[989], 1),
        "max": round(max(readers.delays), 1),
        "prices": len(readers.delays),
        "events": round(readers.ticks / took, 1),
        "mbit": round(readers.bytes * 8 / took / 1e6, 1),
        "core": round((cpu_seconds(server) - spent) / took, 3),
    }


@contextlib.contextmanager
def _served(folder: Path, browsers: int, held: int, websocket: bool) -> Iterator[tuple[int, Readers, list[Browser]]]:
    """The web's process, readers of it, and the tabs to be opened: first of people who hold positions."""
    os.environ["MIRRORDESK_INSTANCE"] = str(folder)
    os.environ["MIRRORDESK_RATE_LIMITS"] = "no"  # all browsers come from one address within seconds
    settings = replace(config.load(), instance=folder)
    upgrade(settings.database_url)
    services = wiring.build(settings)
    people = fill(services, -(-held // TABS), browsers // TABS, SHOWN)
    services.close()
    tabs = [
        Browser(
            MARKET if websocket else f"/stream?page=p{number}&watch={','.join(one.symbols)}", one.token, one.symbols
        )
        for one in people
        for number in range(TABS)
    ][:held]
    feeder = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stream_feed", str(TICKS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert feeder.stdout is not None
    feeder.stdout.readline()
    try:
        with running(command, _answers, folder / "web.log") as port:
            readers = Programs(port) if websocket else Readers(port)
            yield _worker_on_one_core(port), readers, tabs
            readers.close()
    finally:
        feeder.communicate()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/static/icons.svg", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def _worker_on_one_core(port: int) -> int:
    """The process that listens and has no children: gunicorn's one worker. On Linux it is kept on the first core."""
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"127.0.0.1:{port}".encode() in (entry / "cmdline").read_bytes():
                pid = int(entry.name)
                if not (entry / "task" / entry.name / "children").read_text().strip():
                    os.sched_setaffinity(pid, {0})
                    return pid
    raise RuntimeError("the web's worker was not found")


@contextlib.contextmanager
def _slow(readers: Readers, tabs: list[Browser]) -> Iterator[None]:
    """The same pages once more, by browsers that read nothing at all until the block ends."""
    port = readers.browsers[0].wire.getpeername()[1]  # type: ignore[union-attr]  # it is open
    asleep = type(readers)(port)
    asleep.start([Browser(one.path.replace("page=p", "page=slow"), one.token, one.symbols) for one in tabs])
    yield
    asleep.close()


def _memory(pid: int) -> float:
    """Kilobytes that are the process's own."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(float(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def _allow_files(wanted: int) -> None:
    """As many open files as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
