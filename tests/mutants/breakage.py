"""What a deliberate breakage is, and which tests are asked to notice it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

PURE = (
    "tests/execution/test_states.py",
    "tests/execution/test_reconcile.py",
    "tests/execution/test_splitter.py",
    "tests/execution/test_pacing.py",
    "tests/execution/test_properties.py",
)
ROWS = (
    "tests/execution/test_journal.py",
    "tests/execution/test_lessons.py",
    "tests/execution/test_intake.py",
    "tests/execution/test_recovery.py",
    "tests/execution/test_lease.py",
    "tests/execution/test_writer.py",
)
LANES = ("tests/execution/test_lanes.py", "tests/execution/test_pacing.py")
WAVES = (
    "tests/strategies/test_waves.py",
    "tests/strategies/test_wave_properties.py",
    "tests/strategies/test_runner.py",
)
HISTORY = ("tests/engine/test_any_history.py",)
SENDING = (*ROWS, *HISTORY)


@dataclass(frozen=True)
class Mutant:
    """`old` stands exactly once in `file`; with `new` in its place the promise `breaks` is broken."""

    file: str
    old: str
    new: str
    breaks: str
    tests: tuple[str, ...]

    @property
    def is_applicable(self) -> bool:
        path = ROOT / self.file
        return path.is_file() and path.read_text(encoding="utf-8").count(self.old) == 1
