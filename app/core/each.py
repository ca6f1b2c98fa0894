"""The same step for many rows, where one at fault must keep none of the others from theirs."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Row = TypeVar("Row")


def each(
    rows: Sequence[Row],
    step: Callable[[Row], object],
    trouble: str,
    spared: Callable[[Row, Exception], object] | None = None,
) -> None:
    """Raises what happened to all as one, for the loop to say and to count: "2 of 5 <trouble>". `spared` is told of
    each row at fault, after all had their turn."""
    failures: list[Exception] = []
    at_fault: list[Row] = []
    for row in rows:
        try:
            step(row)
        except Exception as error:
            failures.append(error)
            at_fault.append(row)
    for row, failure in zip(at_fault, failures, strict=True):
        if spared is not None:
            spared(row, failure)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(rows)} {trouble}", failures)
