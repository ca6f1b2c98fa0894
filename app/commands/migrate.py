"""Bringing the database up to date; mostly it is, and saying so must not cost the start of the whole application.

A desk on SQLite is looked at with nothing but the standard library: the newest migration is there, so are the facts
that ship with the desk, and the key opens what is sealed. Whatever is not so goes the long way, which also says why.
"""

import csv
import sqlite3
from argparse import Namespace
from contextlib import closing
from importlib import import_module
from pathlib import Path

from app.core.crypto import KeyProblem, Vault, load_keys
from config import ROOT, Settings

VERSIONS = ROOT / "migrations" / "versions"
SHIPPED = ROOT / "app" / "instruments" / "data"
SQLITE = "sqlite:///"


def migrate(options: Namespace, settings: Settings) -> int:
    if is_current(settings):
        return 0
    return int(import_module("app.commands.setup").migrate(options, settings))


def is_current(settings: Settings) -> bool:
    """Whether there is provably nothing to do; PostgreSQL is always asked the long way."""
    path = Path(settings.database_url.removeprefix(SQLITE))
    if not settings.database_url.startswith(SQLITE) or not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(path, timeout=5)) as db:
            return _is_newest(db) and _is_seeded(db) and _opens(db, settings)
    except (sqlite3.Error, KeyProblem, OSError):
        return False


def _is_newest(db: sqlite3.Connection) -> bool:
    newest = max(path.name.partition("_")[0] for path in VERSIONS.glob("[0-9]*.py"))
    return db.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest,)]


def _is_seeded(db: sqlite3.Connection) -> bool:
    facts = {(row["kind"], row["exchange"], row["subject"], row["effective_from"]) for row in _shipped("facts.csv")}
    days = {(exchange, row["date"]) for row in _shipped("holidays.csv") for exchange in row["exchanges"].split()}
    known_facts = set(db.execute("SELECT kind, exchange, subject, effective_from FROM instrument_facts"))
    known_days = set(db.execute("SELECT exchange, date FROM instrument_holidays"))
    return facts <= known_facts and days <= known_days


def _opens(db: sqlite3.Connection, settings: Settings) -> bool:
    vault = Vault(load_keys(settings.encryption_keys, settings.key_file))
    for row in db.execute("SELECT api_key_sealed, api_secret_sealed, extra_sealed FROM accounts"):
        for sealed in filter(None, row):
            vault.open(sealed)
    return True


def _shipped(name: str) -> list[dict[str, str]]:
    with (SHIPPED / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
