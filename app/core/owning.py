"""A row by its id, for the one whose it is: somebody else's is not found. In the caller's unit of work."""

from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import Base
from app.core.errors import NotFound

Row = TypeVar("Row", bound=Base)


def owned(
    session: Session, model: type[Row], owner_id: str, row_id: str, word: str, *, is_changed: bool = False
) -> Row:
    """Locked when it is changed, so that of two who change it at once the second sees what the first one did. Raises
    NotFound, also for one that was removed; `word` is what people call it."""
    table: Any = model
    query = select(model).where(table.id == row_id, table.owner_id == owner_id)
    if hasattr(table, "removed_at"):
        query = query.where(table.removed_at.is_(None))
    found = session.scalar(query.with_for_update() if is_changed else query)
    if found is None:
        raise NotFound(f"There is no such {word}.")
    return found
