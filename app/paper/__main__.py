"""`python -m app.paper --config FILE`: run paper brokers until told to stop.

Prints one line of JSON with every address once all ports listen, then nothing. SIGTERM and SIGINT end it
cleanly at once; with `--with-parent` it also ends when its standard input closes, so that a killed launcher
leaves nothing behind.
"""

import argparse
import asyncio
import gc
import signal
import sys
from pathlib import Path

import orjson

from app.paper.config import BadConfigError, PaperConfig, from_json
from app.paper.server import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m app.paper", description="Paper brokers that speak OpenAlgo.")
    parser.add_argument("--config", required=True, type=Path, help="JSON file with the brokers and the market")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    asked = parser.parse_args()
    try:
        config = from_json(asked.config.read_text("utf-8"))
    except (OSError, BadConfigError) as error:
        parser.error(f"{asked.config}: {error}")
    try:
        asyncio.run(_run(config, asked.with_parent))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _run(config: PaperConfig, with_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = await serve(config)
    _settle()
    sys.stdout.write(orjson.dumps(running.ready_line()).decode() + "\n")
    sys.stdout.flush()
    watch = asyncio.create_task(_parent_gone(stop)) if with_parent else None
    await stop.wait()
    if watch is not None:
        watch.cancel()
    await running.close()


def _settle() -> None:
    """The market and its contracts stay as long as the process: looking through them again and again for garbage would
    hold up every call for a twentieth of a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 50, 50)


async def _parent_gone(stop: asyncio.Event) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
