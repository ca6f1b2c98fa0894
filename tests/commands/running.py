"""The desk's own processes, started as the launcher starts them."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx

from app.core.db import Database
from app.execution.models import EngineLease
from config import load
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """`python -m app.cli …` in the background; what it prints is in `output`."""

    def __init__(self, folder: Path, *arguments: str, **env: str) -> None:
        self._out = folder / f"{arguments[0]}-{len(list(folder.glob('*.out')))}.out"
        with self._out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", *arguments],
                cwd=ROOT,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def output(self) -> str:
        return self._out.read_text()

    def wait_until_it_says(self, words: str, timeout: float = 180) -> None:
        until(lambda: words in self.output or self.process.poll() is not None, timeout)
        assert words in self.output, self.output

    def end(self, number: int = signal.SIGTERM, within: float = 15) -> int:
        self.process.send_signal(number)
        return self.process.wait(within)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def running(folder: Path, *arguments: str, says: str = "", **env: str) -> Iterator[Process]:
    started = Process(folder, *arguments, **env)
    try:
        if says:
            started.wait_until_it_says(says)
        yield started
    finally:
        started.kill()


def command(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def lease_holder() -> str:
    database = Database(load().database_url)
    with database.read() as session:
        row = session.get(EngineLease, "engine")
        holder = row.holder if row else ""
    database.close()
    return holder


def sign_in(client: httpx.Client, name: str) -> None:
    """Through a one-time link of the command line."""
    answer = command("sign-in-link", name)
    assert answer.returncode == 0, answer.stderr
    path = answer.stdout.strip()
    page = client.get(path)
    token = page.text.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    assert client.post(path, data={"csrf_token": token}).status_code in (302, 303)


def last_json(text: str) -> dict[str, str]:
    return json.loads(text.strip().splitlines()[-1])
