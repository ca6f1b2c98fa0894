"""The whole database as one value, to see that nothing was changed."""

from sqlalchemy import select

from app.core.db import Database
from app.tables import declared

MOVING = {"last_used_at", "last_seen_at"}  # written by looking, not by what was asked


def snapshot(db: Database) -> dict[str, list[str]]:
    with db.read() as session:
        return {
            name: sorted(
                repr(tuple(row)) for row in session.execute(select(*[c for c in table.c if c.name not in MOVING]))
            )
            for name, table in declared().tables.items()
        }
