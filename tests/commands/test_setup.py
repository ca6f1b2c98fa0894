"""What an operator does to a desk: keys, backup, audit trail, settings. `docs/running.md` says the same in words."""

import re
import sqlite3

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import update

from app.accounts.models import Account
from app.commands.setup import services_of
from app.core.actors import Actor, acting
from app.users.door import Visitor
from config import load
from tests.commands.running import ROOT, command

PASSWORD = "seven lanterns by the canal"
KEY = "0f" * 32


@pytest.fixture
def trader(desk) -> str:
    """Somebody with an account whose key is sealed."""
    with services_of(load()) as services:
        user = services.users.door.found("asha", PASSWORD, Visitor("127.0.0.1", "tests")).user
        with acting(Actor(user.id, user.name)):
            services.accounts.add(
                user.id,
                {"name": "Alpha", "venue_kind": "openalgo", "host_url": "http://127.0.0.1:5000", "api_key": KEY},
            )
    return user.id


def test_a_key_is_rotated_as_the_guide_says(desk, trader):
    path = desk / "encryption.key"
    old, new = path.read_text().strip(), Fernet.generate_key().decode()
    path.write_text(f"{new}\n{old}\n")
    done = command("rotate-key")
    assert (done.returncode, done.stdout) == (0, "1 accounts and 0 webhooks are sealed under the newest key.\n")
    path.write_text(f"{new}\n")
    with services_of(load()) as services:
        services.accounts.verify_key()
        with services.db.read() as session:
            (account,) = session.query(Account)
        assert services.vault.open(account.api_key_sealed) == KEY


@pytest.mark.parametrize("name", ["migrate", "engine"])
def test_another_key_stops_the_start_and_is_never_taken_silently(desk, trader, name):
    (desk / "encryption.key").write_text(Fernet.generate_key().decode())
    done = command(name)
    assert done.returncode == 1
    assert "restore the old key" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_copy_made_while_the_desk_writes_is_whole(desk, trader, tmp_path):
    with services_of(load()) as services, services.db.write() as session:
        session.execute(update(Account).values(name="half done"))
        with sqlite3.connect(desk / "mirrordesk.db") as source, sqlite3.connect(tmp_path / "copy.db") as copy:
            source.backup(copy)
            assert copy.execute("SELECT name FROM accounts").fetchall() == [("Alpha",)]
        source.close()
        copy.close()
    done = command("verify-audit", DATABASE_URL=f"sqlite:///{tmp_path / 'copy.db'}")
    assert done.returncode == 0
    assert done.stdout.startswith("The audit trail is whole: 2 entries, head ")


def test_a_changed_trail_is_found(desk, trader):
    with sqlite3.connect(desk / "mirrordesk.db") as file:
        file.execute("DROP TRIGGER audit_entries_no_update")
        file.execute("UPDATE audit_entries SET actor_name = 'nobody' WHERE seq = 2")
    file.close()
    done = command("verify-audit")
    assert done.returncode == 1
    assert done.stdout.startswith("The audit trail is broken at entry 2: ")


def test_a_new_folder_and_its_keys_are_closed_to_others(tmp_path):
    folder = tmp_path / "new"
    assert command("migrate", MIRRORDESK_INSTANCE=str(folder)).returncode == 0
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "encryption.key").stat().st_mode & 0o777 == 0o600


def test_the_guide_names_every_setting():
    names = set(re.findall(r'env\.\w+\("(\w+)"', (ROOT / "config.py").read_text())) | {"MIRRORDESK_INSTANCE"}
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "running.md").read_text(), re.MULTILINE)
    assert names <= set(rows)
    assert set(rows) - names == {"MIRRORDESK_WEB_LOG_LEVEL"}  # gunicorn's own, read in deploy/gunicorn.conf.py


def test_the_guide_names_the_defaults():
    settings = load({})
    text = (ROOT / "docs" / "running.md").read_text()
    for name, value in {
        "SESSION_HOURS": settings.session_hours,
        "UNKNOWN_LOOKUPS": settings.unknown_lookups,
        "UNKNOWN_WINDOW_SECONDS": settings.unknown_window_seconds,
        "PLACE_TIMEOUT_SECONDS": settings.place_timeout_seconds,
        "READ_TIMEOUT_SECONDS": settings.read_timeout_seconds,
        "STALE_AFTER_SECONDS": settings.stale_after_seconds,
        "INTEREST_RATE": settings.interest_rate,
        "ORDER_BOOK_POLL_SECONDS": settings.order_book_poll_seconds,
        "ORDER_BOOK_IDLE_SECONDS": settings.order_book_idle_seconds,
        "TRUSTED_PROXIES": settings.trusted_proxies,
    }.items():
        assert f"| `MIRRORDESK_{name}` | `{value:g}` |" in text
