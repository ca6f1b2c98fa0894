"""Break a copy of the desk, once per mutant, and say which test notices: `python -m tests.mutants [words] [--jobs 2]`.

The tree itself is never touched. Words choose the mutants whose file or sentence contains one of them. It takes
minutes, so that it belongs to no automatic run; `tests/test_mutants.py` keeps the list applicable.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

from tests.mutants import of_orders, of_the_doors, of_the_journal
from tests.mutants.breakage import ROOT, Mutant

ALL = (*of_orders.MUTANTS, *of_the_journal.MUTANTS, *of_the_doors.MUTANTS)
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "instance", "__pycache__", ".*_cache", "node_modules", ".hypothesis", "static", "docs"
)
SECONDS = 600
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    chosen = [m for m in ALL if not asked.words or any(word in f"{m.file} {m.breaks}" for word in asked.words)]
    with _copies(asked.jobs) as copies, ThreadPoolExecutor(asked.jobs) as pool:
        if not _is_sound(chosen, copies):
            return 2
        verdicts = []
        for mutant, verdict in zip(chosen, pool.map(lambda each: _try(each, copies), chosen), strict=True):
            verdicts.append(verdict)
            word, _, by = verdict.partition(" ")
            sys.stdout.write(f"{word:9}{mutant.file.split('/')[-1]:14} {mutant.breaks}\n         {by.strip()}\n")
            sys.stdout.flush()
    counts = {word: sum(verdict.startswith(word) for verdict in verdicts) for word in ("killed", "survived", "absent")}
    sys.stdout.write(", ".join(f"{number} {word}" for word, number in counts.items()) + f" of {len(chosen)}\n")
    return 0 if counts["killed"] == len(chosen) else 1


def _is_sound(chosen: list[Mutant], copies: "SimpleQueue[Path]") -> bool:
    """Whether the tests pass unbroken: else a mutant would be killed by whatever is wrong already."""
    copy = copies.get()
    tests = tuple(dict.fromkeys(test for mutant in chosen for test in mutant.tests))
    failed = _first_failure(copy, tests)
    copies.put(copy)
    if failed:
        sys.stdout.write(f"The tests fail without any breakage: {failed}\n")
    return not failed


@contextmanager
def _copies(number: int) -> "Iterator[SimpleQueue[Path]]":
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        for index in range(number):
            copy = Path(folder) / str(index)
            shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
            copies.put(copy)
        yield copies


def _try(mutant: Mutant, copies: "SimpleQueue[Path]") -> str:
    copy = copies.get()
    path = copy / mutant.file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        if text.count(mutant.old) != 1:
            return f"absent   its text stands {text.count(mutant.old)} times in {mutant.file}"
        path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
        return _verdict(copy, mutant)
    finally:
        if text:
            path.write_text(text, encoding="utf-8")
        copies.put(copy)


def _verdict(copy: Path, mutant: Mutant) -> str:
    failed = _first_failure(copy, mutant.tests)
    return f"killed   {failed}" if failed else f"survived {len(mutant.tests)} files of tests"


def _first_failure(copy: Path, tests: tuple[str, ...]) -> str:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-k", "not postgres"]
    try:
        done = subprocess.run(
            [*command, *dict.fromkeys(tests)], cwd=copy, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"they did not end within {SECONDS} seconds"
    if done.returncode == 0:
        return ""
    found = FAILED.search(done.stdout)
    return found[1] if found else done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    raise SystemExit(main())
