"""Two users, a database of their own, and the accounts room put together for real."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from app.accounts.health import HealthService
from app.accounts.service import AccountService, Setup
from app.audit.trail import Trail
from app.core.crypto import Vault
from app.core.db import Database
from app.users.models import User

NOW = datetime(2026, 11, 19, 6, 0, tzinfo=UTC)
KEY = "0f" * 32
SECRET_WORDS = (KEY, "kite-secret-77", "proxy-pass-99")


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Hands:
    return Hands()


def add_user(db: Database, name: str) -> str:
    with db.write() as session:
        user = User(name=name, name_key=name, password_hash="x", role="trader", created_at=NOW, password_changed_at=NOW)
        session.add(user)
        session.flush()
        return user.id


@pytest.fixture
def asha(db) -> str:
    return add_user(db, "asha")


@pytest.fixture
def ravi(db) -> str:
    return add_user(db, "ravi")


@pytest.fixture
def heard() -> list[object]:
    return []


@pytest.fixture
def busy() -> dict[str, str]:
    """Account id to why it cannot be let go of."""
    return {}


@pytest.fixture
def vault() -> Vault:
    return Vault([Fernet.generate_key().decode()])


def build(db, clock, vault, **setup) -> AccountService:
    return AccountService(db, clock, vault, Trail(db, clock), Setup(**setup))


@pytest.fixture
def accounts(db, clock, vault, heard, busy) -> AccountService:
    return build(db, clock, vault, is_busy=busy.get, announce=heard.append)


@pytest.fixture
def health(db, clock, heard) -> HealthService:
    return HealthService(db, clock, heard.append)


def typed(name: str = "Zerodha main", **changes: object) -> dict[str, object]:
    """A filled-in form."""
    return {
        "name": name,
        "venue_kind": "openalgo",
        "host_url": "http://127.0.0.1:5000",
        "stream_url": "ws://127.0.0.1:8765",
        "api_key": KEY,
        "expected_mode": "live",
        "default_product": "NRML",
        **changes,
    }
