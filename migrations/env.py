"""Where alembic meets our tables. The URL comes from the command; there is no ini file."""

from alembic import context
from sqlalchemy import create_engine

import app.core.idempotency
import app.wiring  # noqa: F401 - importing the rooms declares their tables
from app.core.db import Base

url = context.config.attributes["url"]


def compare_nothing_of_types(*_: object) -> bool:
    """Our decimals and moments have one Python type and a different column type per database."""
    return False


engine = create_engine(url)
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=compare_nothing_of_types,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
