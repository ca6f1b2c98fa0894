"""The shape of the code: short enough to see, and nothing in the repository that speaks of anything but the product."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.order import LONGEST

ROOT = Path(__file__).resolve().parent.parent
CODE = ("app", "launcher")
VENDORED = re.compile(r"(^|/)vendor/|^LICENSE$|^requirements.*\.txt$|\.(png|woff2|ico|svg|csv|gz)$")
VAGUE_NAMES = {"utils.py", "helpers.py", "manager.py", "misc.py", "common.py"}
# Written in pieces, so that this file doesn't find itself.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b|\b(?i:for n" r"ow)\b")
PLACES = re.compile(
    r"(?<![\w.-])/wo" r"rk/|/ro" r"ot/|/tmp/pl" r"an|\.\./sha" r"red|/home/[a-z]+/"
    r"|pypi\.o" r"rg|pythonho" r"sted|npm" r"js\.(?:org|com)|b-se" r"ed-"
)  # fmt: skip
IGNORED = re.compile(r"#\s*(?:no" r"qa\b(?::[A-Z0-9, ]+)?|ty" r"pe:\s*ignore(?:\[[\w, -]+\])?)")
REASON = re.compile(r"\s*(?:#|-|—|:)\s*\w+.*\w")


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length in lines of each function, decorators not counted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name_of(path)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def committed() -> list[Path]:
    """Text files git knows, but those others wrote and locks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and not VENDORED.search(name)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def hits(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name_of(path)}:{number} {line.strip()[:120]}"
        for path in committed()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_is_over_400_lines():
    assert not {name_of(path): lines_of(path) for path in python_files(*CODE) if lines_of(path) > 400}


def test_no_function_is_over_60_lines():
    lengths = [found for path in python_files(*CODE) for found in functions(path)]
    assert not [found for found in lengths if found[1] > 60]


def test_no_template_is_over_120_lines():
    templates = (ROOT / "templates").rglob("*.html")
    assert not {name_of(path): lines_of(path) for path in templates if lines_of(path) > 120}


def test_functions_and_files_are_short_as_a_rule(capsys):
    files = [lines_of(path) for path in python_files("app")]
    lengths = [length for path in python_files("app") for _, length in functions(path)]
    short = sum(length <= 30 for length in lengths) / len(lengths)
    with capsys.disabled():
        sys.stdout.write(
            f"\napp: {len(files)} files, median {statistics.median(files):.0f}, longest {max(files)} lines; "
            f"{len(lengths)} functions, median {statistics.median(lengths):.0f}, longest {max(lengths)} lines, "
            f"{short:.0%} within 30\n"
        )
    assert statistics.median(lengths) <= 8
    assert short >= 0.9
    assert statistics.median(files) <= 120


def test_no_file_has_a_name_that_says_nothing():
    assert not [name_of(path) for path in python_files(*CODE, "tests") if path.name in VAGUE_NAMES]


@pytest.mark.parametrize("pattern", [UNFINISHED, PLACES], ids=["unfinished", "places"])
def test_the_repository_speaks_of_the_finished_product_alone(pattern):
    assert not hits(pattern)


def test_every_ignored_warning_has_its_reason():
    assert not [
        f"{name_of(path)}:{number} {line.strip()}"
        for path in committed()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := list(IGNORED.finditer(line))) and not REASON.match(line[found[-1].end() :])
    ]


def test_every_named_ignore_of_the_linter_says_why():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^ignore = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert block
    assert not [line for line in block[1].splitlines() if not re.search(r'",\s+# \w+', line)]


def test_each_file_that_a_run_begins_with_is_there():
    assert [path for path in LONGEST if not (ROOT / path).is_file()] == []
