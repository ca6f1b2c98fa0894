"""What a running OpenAlgo server really said, and how our answers are held against it: same keys, types and words.

Numbers in sentences and the values of data may differ; the market is another one.
"""

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "data" / "openalgo"
LEFT_OUT = re.compile(r"\.\.\. \d+ more")
NUMBERS = re.compile(r"-?\d+(\.\d+)?")


def names(prefix: str) -> list[str]:
    return sorted(path.stem for path in FOLDER.glob(f"{prefix}-*.json"))


def load(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def assert_alike(theirs: Any, ours: Any, where: str = "body") -> None:
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), f"{where}: {ours!r} is no object"
        assert set(ours) == set(theirs), f"{where}: {set(ours) ^ set(theirs)} on one side only"
        for key, value in theirs.items():
            assert_alike(value, ours[key], f"{where}.{key}")
    elif isinstance(theirs, list):
        _assert_lists(theirs, ours, where)
    elif isinstance(theirs, str):
        assert isinstance(ours, str), f"{where}: {ours!r} is no text"
        if where.endswith((".message", ".error", ".status", ".rejection_reason", ".type", ".code")):
            assert NUMBERS.sub("#", ours) == NUMBERS.sub("#", theirs), where
    else:
        assert type(ours) is type(theirs), f"{where}: {ours!r} is not like {theirs!r}"


def _assert_lists(theirs: list[Any], ours: Any, where: str) -> None:
    assert isinstance(ours, list), f"{where}: {ours!r} is no list"
    samples = [item for item in theirs if not (isinstance(item, str) and LEFT_OUT.fullmatch(item))]
    assert "[]" in where or bool(ours) == bool(samples), f"{where}: {len(ours)} instead of {len(theirs)} items"
    for item in ours if samples else ():
        kin = [sample for sample in samples if not isinstance(sample, dict) or set(sample) == set(item)]
        assert kin, f"{where}: {item} is like none of theirs"
        _assert_like_one(kin, item, where)


def _assert_like_one(samples: list[Any], item: Any, where: str) -> None:
    failures = []
    for sample in samples:
        try:
            assert_alike(sample, item, f"{where}[]")
            return
        except AssertionError as failure:
            failures.append(failure)
    raise failures[0]
