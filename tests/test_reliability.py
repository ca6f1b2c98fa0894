"""The page of promises stays true: each test it names exists, and each known fault and invariant has its test."""

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
ELSEWHERE = PAGE.partition("## What has gone wrong elsewhere")[2].partition("\n## ")[0]
# Of each list: what can exist in the desk as it is.
NUMBERED = {
    "d": ["1a", "1b", "1c", *map(str, [*range(2, 11), *range(14, 18)])],
    "i": [str(number) for number in (1, 2, *range(4, 11), *range(12, 19))],
    "peer_4_1_": [f"{number:02}" for number in range(1, 17) if number != 13],
    "peer_4_2_": ["01", "02", "03", "04"],
    "peer_4_3_": [f"{number:02}" for number in range(1, 12)],
}


@cache
def names_in(file: str) -> set[str]:
    path = ROOT / file
    return set(re.findall(r"def (test_\w+)", path.read_text(encoding="utf-8"))) if path.is_file() else set()


def test_each_test_that_a_promise_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 60
    assert not [f"{file}::{name}" for file, name in named if name not in names_in(file)]


def test_each_file_that_the_page_names_exists():
    assert not [file for file in re.findall(r"tests/[\w/]+\.py", PAGE) if not (ROOT / file).is_file()]


def test_each_known_fault_and_invariant_has_a_line_with_its_test():
    names = " ".join(re.findall(r"::(test_\w+)`", ELSEWHERE))
    peers = set(re.findall(r"peer_4_1_(\d\d)", names)) | set(re.findall(r"peer_4_1_\d\d_(\d\d)_", names))
    found = {
        "d": set(re.findall(r"(?<=_)d(\d+[abc]?)_", names)),
        "i": set(re.findall(r"(?<=_)i(\d+)(?=_)", names)),
        "peer_4_1_": peers,
        "peer_4_2_": set(re.findall(r"peer_4_2_(\d\d)", names)),
        "peer_4_3_": set(re.findall(r"peer_4_3_(\d\d)", names)),
    }
    assert not [f"{kind}{number}" for kind, numbers in NUMBERED.items() for number in numbers
                if number not in found[kind]]  # fmt: skip


def test_each_line_says_what_breaks_it_elsewhere():
    lines = [line for line in ELSEWHERE.splitlines() if "::test_" in line]
    assert all(len([cell for cell in line.strip("|").split("|") if cell.strip()]) == 3 for line in lines)
