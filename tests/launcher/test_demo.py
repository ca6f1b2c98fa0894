"""The demo as a person runs it: the whole desk against its paper brokers, in the environment that is already there."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from launcher.environment import RUNTIME, is_current
from tests.launcher.conftest import ROOT, alive
from tests.servers import free_port
from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_current(RUNTIME), reason="the environment is not the one of the lock: run desk.py test"),
]
LINK = re.compile(r"Sign in once with (http://\S+)")


@dataclass
class Demo:
    process: subprocess.Popen[bytes]
    folder: Path
    printed: Path

    @property
    def output(self) -> str:
        return self.printed.read_text()

    def children(self) -> dict[str, dict]:
        return json.loads((self.folder / "run" / "children.json").read_text())

    def link(self) -> str:
        found = until(lambda: LINK.search(self.output) or self.process.poll() is not None, timeout=300)
        assert isinstance(found, re.Match), self.output
        return found[1]

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "desk.py"), "demo", *arguments]


@contextlib.contextmanager
def demo(folder: Path, printed: Path) -> Iterator[Demo]:
    env = os.environ | {"MIRRORDESK_INSTANCE": str(folder)}
    with printed.open("wb") as out:
        process = subprocess.Popen(command("--port", str(free_port())), env=env, stdout=out, stderr=out)
    try:
        yield Demo(process, folder, printed)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


def test_a_demo_from_start_to_end_and_once_more_with_its_ports_taken(tmp_path):
    folder = tmp_path / "instance"
    with demo(folder, tmp_path / "first") as first:
        link = first.link()
        _the_link_opens_the_desk_once(link)
        assert list(first.children()) == ["paper", "engine", "web"]
        assert all(child["ready"] for child in first.children().values())
        _killed_engine_comes_back(first)
        pids = [child["pid"] for child in first.children().values()]
        assert first.interrupt() == 0
        assert not any(map(alive, pids))
        assert first.output.endswith("Stopped.\n")
        assert not (folder / "run" / "children.json").exists()
    with socket.create_server(("127.0.0.1", _kept(folder)["brokers"][0]["rest_port"])):
        before = _kept(folder)
        with demo(folder, tmp_path / "second") as second:
            assert httpx.get(second.link(), timeout=60).status_code == 200
            assert _kept(folder) != before
            assert (folder / "run" / "paper.json").stat().st_mode & 0o077 == 0
            assert second.interrupt() == 0
    log = (folder / "logs" / "engine.jsonl").read_text()
    assert _kept(folder)["brokers"][0]["api_key"] not in log


def _the_link_opens_the_desk_once(link: str) -> None:
    address = link.partition("/enter/")[0]
    with httpx.Client(base_url=address, follow_redirects=True, timeout=60) as browser:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(link).text)
        assert token
        assert browser.post(link, data={"csrf_token": token[1]}).status_code == 200
        assert "NIFTY iron fly, 28 lots" in browser.get("/strategies").text
    assert "NIFTY iron fly" not in httpx.get(link, follow_redirects=True, timeout=60).text


def _killed_engine_comes_back(running: Demo) -> None:
    engine = running.children()["engine"]["pid"]
    os.kill(engine, signal.SIGKILL)
    until(lambda: "engine | ENDED (signal SIGKILL), restart 1 follows" in running.output)
    until(lambda: running.children().get("engine", {}).get("ready"), timeout=120)
    again = running.children()["engine"]
    assert again["pid"] != engine
    assert again["restarts"] == 1
    assert json.loads((running.folder / "run" / "restarts.jsonl").read_text())["ended"] == "signal SIGKILL"


def _kept(folder: Path) -> dict:
    return json.loads((folder / "run" / "paper.json").read_text())


def test_a_demo_that_trades_once_shows_its_table_and_every_quantity_adds_up(tmp_path):
    env = os.environ | {"MIRRORDESK_INSTANCE": str(tmp_path / "instance"), "COLUMNS": "160"}
    asked = command("--once", "--port", str(free_port()))
    done = subprocess.run(asked, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "1755 + 65" in done.stdout
    for account in ("Alpha", "Beta", "Gamma"):
        assert account in done.stdout
    assert "Every quantity adds up" in done.stdout
