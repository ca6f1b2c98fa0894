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
    at_fault: list[tuple[Row, Exception]] = []
    for row in rows:
        try:
            step(row)
        except Exception as error:
            at_fault.append((row, error))
    if spared is not None:
        for row, failure in at_fault:
            spared(row, failure)
    if at_fault:
        raise ExceptionGroup(f"{len(at_fault)} of {len(rows)} {trouble}", [failure for _, failure in at_fault])
