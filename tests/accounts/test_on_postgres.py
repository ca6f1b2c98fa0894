"""What depends on the database's own locks and indexes, on the other database."""

import threading

import pytest
from sqlalchemy.exc import IntegrityError

from app.accounts.models import Account
from app.core.errors import Invalid
from tests.accounts.conftest import add_user, build, typed


@pytest.fixture
def db(postgres_db):
    return postgres_db


def at_once(acts):
    gate = threading.Barrier(len(acts))
    failures = []

    def run(act):
        gate.wait()
        try:
            act()
        except Exception as error:  # whatever it was, the test names it
            failures.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return failures


def test_races_leave_one_primary_one_name_and_an_order_without_gaps(db, clock, vault):
    accounts, owner = build(db, clock, vault), add_user(db, "asha")
    assert not at_once([lambda n=n: accounts.add(owner, typed(f"Account {n}")) for n in range(5)])
    made = accounts.list(owner)
    assert sorted(account.failover_rank for account in made) == [0, 1, 2, 3, 4]
    assert not at_once([lambda row=row: accounts.make_primary(owner, row.id) for row in made])
    assert sum(account.is_primary for account in accounts.list(owner)) == 1
    failures = at_once([lambda: accounts.add(owner, typed("Twin"))] * 4)
    assert [type(failure) for failure in failures] == [Invalid] * 3
    assert not at_once([lambda row=row: accounts.set_enabled(owner, row.id, False) for row in made[:4]])
    assert [account.enabled for account in accounts.list(owner) if account.is_primary] == [True]


def test_the_database_itself_refuses_a_second_primary(db, clock, vault):
    accounts, owner = build(db, clock, vault), add_user(db, "asha")
    accounts.add(owner, typed("One"))
    second = accounts.add(owner, typed("Two"))
    with pytest.raises(IntegrityError), db.write() as session:
        session.get(Account, second.id).is_primary = True
