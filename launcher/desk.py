"""`demo` and `start`: what runs, in which order, and what the person is told.

The application is never imported here; every step is a command of `app.cli` in a process of its own.
"""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from launcher import instance
from launcher.children import Spec, tie_to_parent
from launcher.console import Stop, progress, say
from launcher.environment import ROOT, RUNTIME, prepare
from launcher.supervisor import Supervisor

READY = r"(?i)\bready\b"


@dataclass(frozen=True)
class Desk:
    """Where one desk runs and with which Python."""

    python: Path
    folder: Path
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return {"MIRRORDESK_INSTANCE": str(self.folder), "MIRRORDESK_ADDRESS": self.address}

    def module(self, name: str, *arguments: str) -> tuple[str, ...]:
        return (str(self.python), "-m", name, *arguments)

    def cli(self, *arguments: str) -> tuple[str, ...]:
        return self.module("app.cli", *arguments)

    def engine(self) -> Spec:
        return Spec("engine", self.cli("engine"), READY, self.env)

    def web(self) -> Spec:
        return Spec("web", self.cli("web", "--host", self.host, "--port", str(self.port)), READY, self.env)

    def paper(self, config: Path) -> Spec:
        return Spec("paper", self.module("app.paper", "--config", str(config), "--with-parent"), READY, self.env)

    def step(self, title: str, *arguments: str) -> str:
        """Run a command of the application to its end; what it printed, or Stop with its last words."""
        with progress(title):
            done = subprocess.run(
                self.cli(*arguments),
                cwd=ROOT,
                env=os.environ | self.env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                preexec_fn=tie_to_parent(),
            )
        if done.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
            raise Stop("Stopped before everything was running.", 128 + signal.SIGINT)
        if done.returncode:
            last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
            raise Stop(f"{title} failed (exit code {done.returncode}):\n{last}")
        return done.stdout


def start(host: str, port: int) -> int:
    """Run the desk until it is told to stop."""
    desk = _prepare(host, port)
    with instance.claimed(desk.folder) as held, Supervisor(desk.folder, [held]) as supervisor:
        desk.step("Bringing the database up to date", "migrate")
        supervisor.start(desk.engine())
        supervisor.start(desk.web())
        say(f"\n  Mirrordesk runs at {desk.address}\n  Ctrl-C stops it.\n")
        supervisor.run()
    say("Stopped.")
    return 0


def demo(host: str, port: int | None, once: bool) -> int:
    """Run the desk against paper brokers; with `once`, let it trade one strategy and end."""
    desk = _prepare(host, port if port is not None else _demo_port(once))
    with instance.claimed(desk.folder) as held, Supervisor(desk.folder, [held]) as supervisor:
        desk.step("Bringing the database up to date", "migrate")
        config = _paper_config(desk)
        supervisor.start(desk.paper(config))
        data = _answer(desk.step("Filling in the demo accounts", "demo-data", "--paper", str(config)))
        supervisor.start(desk.engine())
        supervisor.start(desk.web())
        if once:
            return _trade_once(desk, supervisor)
        say(f"\n  Mirrordesk runs at {desk.address}\n  Sign in once with {desk.address}{data.get('sign_in', '')}")
        say("  Money and brokers are made of paper. Ctrl-C stops it.\n")
        supervisor.run()
    say("Stopped.")
    return 0


def _prepare(host: str, port: int) -> Desk:
    folder = instance.folder()
    instance.make(folder)
    instance.check_port(host, port)
    return Desk(prepare(RUNTIME), folder, host, port)


def _demo_port(once: bool) -> int:
    return instance.free_port() if once else instance.DEFAULT_PORT


def _paper_config(desk: Desk) -> Path:
    """The brokers of this instance; kept, so that accounts of an earlier demo find theirs again.

    When another program has taken one of their ports they are made anew, and the accounts follow them.
    """
    path = desk.folder / "run" / "paper.json"
    if not _can_be_used(path):
        text = desk.step("Setting up the paper brokers", "paper-config")
        _answer(text)
        path.touch(mode=0o600)  # broker keys are in it, if only of paper
        path.write_text(text)
    return path


def _can_be_used(config: Path) -> bool:
    try:
        kept = json.loads(config.read_text())
        parts = [kept, *kept["brokers"]]
        for port in [part[name] for part in parts for name in part if name.endswith("_port")]:
            instance.check_port(instance.HOST, port)
    except (OSError, ValueError, LookupError, TypeError, Stop):
        return False
    return True


def _answer(text: str) -> dict[str, str]:
    """The JSON object a command printed, alone or on its last line."""
    for candidate in (text, *text.strip().splitlines()[-1:]):
        try:
            answer = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(answer, dict):
            return answer
    raise Stop(f"The application answered something unexpected:\n{text[-500:]}")


def _trade_once(desk: Desk, supervisor: Supervisor) -> int:
    with subprocess.Popen(
        desk.cli("demo-once"),
        cwd=ROOT,
        env=os.environ | desk.env,
        stdin=subprocess.DEVNULL,
        preexec_fn=tie_to_parent(),  # noqa: PLW1509 - only a prepared system call runs in there
    ) as process:
        supervisor.run(until=lambda: process.poll() is not None)
        if process.poll() is None:
            process.terminate()
    return process.returncode if process.returncode >= 0 else 1
