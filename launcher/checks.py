"""`check`: every tool that looks at the code without running it, each to its end, then what failed."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from launcher.console import FAILED, progress, say
from launcher.environment import DEVELOPMENT, NO_NETWORK, ROOT, RUNTIME, prepare

NOT_SERVED = "could not be audited"  # an index that mirrors packages but not what is known against them


@dataclass(frozen=True)
class Check:
    name: str
    command: tuple[str, ...]  # the first word is a program of the environment
    needs_network: bool = False


CHECKS = (
    Check("lint", ("ruff", "check", ".")),
    Check("format", ("ruff", "format", "--check", ".")),
    Check("types", ("mypy",)),
    Check("imports", ("lint-imports",)),
    Check("templates", ("djlint", "templates", "--lint", "--quiet")),
    Check("shape", ("pytest", "-q", "tests/test_shape.py")),
    Check(
        "advisories",
        (
            "pip-audit",
            "--requirement",
            RUNTIME,
            "--require-hashes",
            "--disable-pip",
            "--progress-spinner=off",
        ),
        needs_network=True,
    ),
)


def check() -> int:
    programs = prepare(DEVELOPMENT).parent
    failed = [each.name for each in CHECKS if not _passes(each, programs)]
    say(f"Failed: {', '.join(failed)}." if failed else "All checks passed.")
    return FAILED if failed else 0


def _passes(each: Check, programs: Path) -> bool:
    started = time.monotonic()
    program, *arguments = each.command
    with progress(each.name):
        done = subprocess.run(
            [str(programs / program), *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    verdict = _verdict(each, done)
    say(f"{each.name:12}{verdict:24}{time.monotonic() - started:6.1f} s")
    if verdict == "FAILED":
        say(done.stdout)
    return verdict != "FAILED"


def _verdict(each: Check, done: subprocess.CompletedProcess[str]) -> str:
    if each.needs_network and NOT_SERVED in done.stdout:
        return "left out: no answers"
    if done.returncode == 0:
        return "ok"
    if each.needs_network and NO_NETWORK.search(done.stdout):
        return "left out: no network"
    return "FAILED"
