"""Python and browser write the same figure the same way."""

import json
import shutil
import subprocess
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.web import format as fmt

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = json.loads((ROOT / "tests/data/formats.json").read_text(encoding="utf-8"))
IN_NODE = """
import { readFileSync } from "node:fs";
import * as format from "%s";
const examples = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(examples.map(([name, args]) => format[name](...args))));
"""


def value_of(name: str, argument: str | None) -> Decimal | date | None:
    """The first argument of an example as Python has it: a figure, a day or a time."""
    if argument is None:
        return None
    if name not in ("clock", "day", "moment"):
        return Decimal(argument)
    return datetime.fromisoformat(argument) if "T" in argument else date.fromisoformat(argument)


def rest_of(name: str, arguments: list) -> list:
    """A tick and a lot size are figures too; places are numbers and a currency is text."""
    figures = name in ("quantity", "price")
    return [Decimal(each) if figures and n == 0 and each else each for n, each in enumerate(arguments)]


@pytest.mark.parametrize(("name", "arguments", "text"), EXAMPLES)
def test_python_writes_it(name, arguments, text):
    assert getattr(fmt, name)(value_of(name, arguments[0]), *rest_of(name, arguments[1:])) == text


def test_the_browser_writes_the_same():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = IN_NODE % (ROOT / "static/js/format.js").as_uri()
    command = [node, "--input-type=module", "--no-warnings", "-e", script.replace("\n", " ")]
    answer = subprocess.run(command, input=json.dumps(EXAMPLES), capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == [text for _, _, text in EXAMPLES]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (Decimal("-1234.50"), "-1234.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 12, 24), "2026-12-24"),
        (datetime(2026, 12, 24, 8, 33, 22, tzinfo=UTC), "2026-12-24T08:33:22+00:00"),
        ("=1+1", "'=1+1"),
        ("-cmd", "'-cmd"),
        ("NIFTY", "NIFTY"),
        (-3, "-3"),
        (None, ""),
    ],
)
def test_a_csv_cell_is_plain_and_runs_nothing(value, cell):
    assert fmt.csv(value) == cell


def test_the_browser_is_told_milliseconds():
    assert fmt.millis(datetime(2026, 1, 1, tzinfo=UTC)) == 1767225600000
    assert fmt.millis(None) is None
