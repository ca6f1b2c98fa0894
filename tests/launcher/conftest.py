"""A copy of the launcher around a stand-in application, with an environment that holds nothing."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.waiting import until

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass
class Copy:
    """The copied repository and an instance folder of the test's own."""

    root: Path
    instance: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.root / "desk.py"), *arguments]

    def env(self, **more: str) -> dict[str, str]:
        return os.environ | {"MIRRORDESK_INSTANCE": str(self.instance)} | more

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env=self.env(**env),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    @contextlib.contextmanager
    def running(self, *arguments: str, **env: str) -> Iterator[subprocess.Popen[bytes]]:
        """The launcher in the background, its output in `output`; ended with the block."""
        with (self.instance.parent / "output").open("wb") as out:
            process = subprocess.Popen(
                self.command(*arguments, "--port", str(free_port())),
                env=self.env(**env),
                stdout=out,
                stderr=out,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(60)

    @contextlib.contextmanager
    def unread(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The launcher in the background, its output a pipe whose end the test may close."""
        process = subprocess.Popen(
            self.command(*arguments, "--port", str(free_port())),
            env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)
            process.stdout.close()

    def ready(self) -> dict[str, int]:
        """Process ids of the children that are ready."""
        with contextlib.suppress(FileNotFoundError):
            return {name: child["pid"] for name, child in self.children().items() if child["ready"]}
        return {}

    @property
    def output(self) -> str:
        return (self.instance.parent / "output").read_text()

    def children(self) -> dict[str, dict]:
        return json.loads((self.instance / "run" / "children.json").read_text())

    def pids(self) -> set[int]:
        """Every process the stand-in's children wrote down, and theirs."""
        return {int(pid) for path in self.instance.glob("*.pids") for pid in path.read_text().split()}

    def wait_until_up(self) -> set[int]:
        until(lambda: "Mirrordesk runs at" in self.output, timeout=120)
        return self.pids()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not collected yet does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    return not stat.parent.parent.exists()


@pytest.fixture(scope="session")
def copied(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("desk")
    shutil.copy(ROOT / "desk.py", root)
    shutil.copytree(ROOT / "launcher", root / "launcher", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(HERE / "fake" / "app", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    for lock in ("requirements.txt", "requirements-dev.txt"):
        (root / lock).write_text("# nothing is needed\n")
    return root


@pytest.fixture
def copy(copied, tmp_path) -> Copy:
    return Copy(copied, tmp_path / "instance")
