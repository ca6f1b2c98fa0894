"""Every table of the desk: each room declares its own in `models.py`, the core beside what uses them."""

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData, inspect, text

from app.core.db import Base, Database
from app.core.errors import Denied
from config import ROOT

HERE = Path(__file__).parent
VERSIONS = ROOT / "migrations" / "versions"


def declared() -> MetaData:
    """The tables as the code wants them; found by the names of the files, so that no room can be forgotten."""
    for path in sorted([*HERE.glob("*/models.py"), *HERE.glob("core/[a-z]*.py")]):
        import_module(f"app.{path.parent.name}.{path.stem}")
    return Base.metadata


def check(db: Database) -> None:
    """Raises Denied unless the database is as the newest migration leaves it: work on another one would fail later."""
    newest = max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    found = _version(db)
    if found != newest:
        state = f"is at migration {found}, the code at {newest}" if found else "has no tables yet"
        raise Denied(f"The database {state}: run `python -m app.cli migrate`.")


def _version(db: Database) -> str:
    if not inspect(db.reader).has_table("alembic_version"):
        return ""
    with db.read() as session:
        return str(session.scalar(text("SELECT version_num FROM alembic_version")) or "")
