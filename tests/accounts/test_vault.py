import pytest
from cryptography.fernet import Fernet

from app.accounts.models import Account
from app.core.crypto import KeyProblem, Vault
from app.venues.types import Connection, Mode
from tests.accounts.conftest import KEY, SECRET_WORDS, build, typed


def with_secrets(**changes):
    proxy = "http://me:proxy-pass-99@127.0.0.1:3128"
    return typed(api_secret="kite-secret-77", proxy=proxy, bind_address="127.0.0.1", **changes)


def test_the_database_file_holds_no_key(accounts, asha, db, tmp_path):
    accounts.add(asha, with_secrets())
    db.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("desk.db*"))
    assert b"Zerodha main" in stored
    assert not [word for word in SECRET_WORDS if word.encode() in stored]


def test_a_connection_carries_the_secrets_and_does_not_show_them(accounts, asha):
    connection = accounts.connection(accounts.add(asha, with_secrets()))
    assert (connection.api_key, connection.api_secret) == (KEY, "kite-secret-77")
    assert connection.proxy.endswith("proxy-pass-99@127.0.0.1:3128")
    assert connection.bind_address == "127.0.0.1"
    assert not [word for word in SECRET_WORDS if word in repr(connection)]


def test_every_account_works_after_the_key_was_rotated(accounts, asha, db, clock):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    before = build(db, clock, Vault([old]))
    made = [before.add(asha, with_secrets(name=f"Account {number}")) for number in range(3)]
    assert build(db, clock, Vault([new, old])).reseal() == 3
    after = build(db, clock, Vault([new]))
    after.verify_key()
    for account in made:
        assert after.connection(after.get(asha, account.id)) == connection_of(account, with_secrets())


def connection_of(account, form) -> Connection:
    return Connection(
        account.id, "openalgo", form["host_url"], form["stream_url"], form["api_key"], form["api_secret"],
        bind_address=form["bind_address"], proxy=form["proxy"], mode=Mode(form["expected_mode"]),
    )  # fmt: skip


def test_d14_a_key_that_does_not_fit_stops_the_start(accounts, asha, db, clock):
    accounts.verify_key()
    accounts.add(asha, typed())
    accounts.verify_key()
    with pytest.raises(KeyProblem, match="does not fit"):
        build(db, clock, Vault([Fernet.generate_key().decode()])).verify_key()


def test_a_removed_account_has_no_keys_any_more(accounts, asha, db):
    account = accounts.add(asha, with_secrets())
    accounts.remove(asha, account.id)
    with db.read() as session:
        row = session.get(Account, account.id)
    assert (row.api_key_sealed, row.api_secret_sealed, row.extra_sealed) == ("", None, None)
    accounts.verify_key()
    assert accounts.reseal() == 0
