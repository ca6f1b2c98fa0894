"""The same step for many rows, where one at fault must keep none of the others from theirs."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Row = TypeVar("Row")


def each(rows: Sequence[Row], step: Callable[[Row], object], trouble: str) -> None:
    """Raises what happened to all as one, for the loop to say and to count: "2 of 5 <trouble>"."""
    failures: list[Exception] = []
    for row in rows:
        try:
            step(row)
        except Exception as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(rows)} {trouble}", failures)
