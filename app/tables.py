"""Every table of the desk: each room declares its own in `models.py`, the core beside what uses them."""

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

from app.core.db import Base

HERE = Path(__file__).parent


def declared() -> MetaData:
    """The tables as the code wants them; found by the names of the files, so that no room can be forgotten."""
    for path in sorted([*HERE.glob("*/models.py"), *HERE.glob("core/[a-z]*.py")]):
        import_module(f"app.{path.parent.name}.{path.stem}")
    return Base.metadata
