import threading

import pytest

from app.accounts.events import AccountChanged
from app.accounts.models import Account
from app.audit.trail import Trail
from app.core.actors import Actor, acting
from app.core.errors import Denied, Invalid, NotFound
from tests.accounts.conftest import KEY, typed


def names(accounts, owner):
    return [account.name for account in accounts.list(owner)]


def primaries(accounts, owner):
    return [account.name for account in accounts.list(owner) if account.is_primary]


@pytest.fixture
def three(accounts, asha):
    return [accounts.add(asha, typed(name)) for name in ("One", "Two", "Three")]


def test_two_users_see_only_their_own(accounts, asha, ravi):
    hers, his = accounts.add(asha, typed()), accounts.add(ravi, typed())
    assert [account.id for account in accounts.list(asha)] == [hers.id]
    for act in (
        lambda: accounts.get(ravi, hers.id),
        lambda: accounts.edit(ravi, hers.id, typed("Mine now")),
        lambda: accounts.set_enabled(ravi, hers.id, False),
        lambda: accounts.remove(ravi, hers.id),
        lambda: accounts.make_primary(ravi, hers.id),
        lambda: accounts.move(ravi, hers.id, up=True),
    ):
        with pytest.raises(NotFound):
            act()
    assert accounts.get(asha, hers.id).version == 1
    assert {account.id for account in accounts.all_enabled()} == {hers.id, his.id}


def test_a_name_is_taken_once_per_owner_whatever_its_case(accounts, asha, ravi):
    account = accounts.add(asha, typed("Main"))
    accounts.add(ravi, typed("Main"))
    with pytest.raises(Invalid, match="Some fields"):
        accounts.add(asha, typed("MAIN"))
    accounts.remove(asha, account.id)
    accounts.add(asha, typed("main"))


def test_the_first_account_is_primary(accounts, asha, three):
    assert primaries(accounts, asha) == ["One"]
    assert [account.name for account in accounts.failover_order(asha)] == ["One", "Two", "Three"]


def test_the_next_by_rank_takes_over_from_a_primary_that_goes(accounts, asha, three):
    accounts.set_enabled(asha, three[0].id, False)
    assert primaries(accounts, asha) == ["Two"]
    accounts.remove(asha, three[1].id)
    assert primaries(accounts, asha) == ["Three"]
    accounts.set_enabled(asha, three[0].id, True)
    assert primaries(accounts, asha) == ["Three"]


def test_the_last_account_stays_primary_until_another_can_be(accounts, asha):
    only = accounts.add(asha, typed("Only"))
    accounts.set_enabled(asha, only.id, False)
    assert primaries(accounts, asha) == ["Only"]
    accounts.add(asha, typed("New"))
    assert primaries(accounts, asha) == ["New"]
    accounts.remove(asha, accounts.list(asha)[0].id)
    accounts.remove(asha, only.id)
    assert accounts.list(asha) == []


def test_making_another_account_primary_leaves_one(accounts, asha, three):
    accounts.make_primary(asha, three[2].id)
    assert primaries(accounts, asha) == ["Three"]
    accounts.set_enabled(asha, three[1].id, False)
    with pytest.raises(Denied, match="Two is disabled"):
        accounts.make_primary(asha, three[1].id)


def test_however_many_ask_at_once_there_is_one_primary(accounts, asha, three, db):
    gate = threading.Barrier(6)

    def ask(account):
        gate.wait()
        accounts.make_primary(asha, account.id)

    threads = [threading.Thread(target=ask, args=(three[number % 3],)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(primaries(accounts, asha)) == 1


def test_two_first_accounts_at_once_make_one_primary(accounts, asha):
    gate = threading.Barrier(4)

    def add(number):
        gate.wait()
        accounts.add(asha, typed(f"Account {number}"))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(accounts.list(asha)) == 4
    assert len(primaries(accounts, asha)) == 1
    assert sorted(account.failover_rank for account in accounts.list(asha)) == [0, 1, 2, 3]


def test_the_failover_order_moves_one_place_at_a_time(accounts, asha, three):
    accounts.move(asha, three[2].id, up=True)
    assert names(accounts, asha) == ["One", "Three", "Two"]
    accounts.move(asha, three[1].id, up=False)
    assert names(accounts, asha) == ["One", "Three", "Two"]
    accounts.move(asha, three[2].id, up=True)
    assert [account.name for account in sorted(accounts.list(asha), key=lambda row: row.failover_rank)] == [
        "Three", "One", "Two",
    ]  # fmt: skip


def test_an_account_that_holds_something_is_neither_removed_nor_disabled(accounts, asha, three, busy):
    busy[three[0].id] = "it has 2 open positions"
    for wish in (accounts.remove, lambda owner, number: accounts.set_enabled(owner, number, False)):
        with pytest.raises(Denied, match="2 open positions"):
            wish(asha, three[0].id)
    assert accounts.get(asha, three[0].id).enabled
    del busy[three[0].id]
    accounts.remove(asha, three[0].id)


def test_a_removed_account_keeps_its_row_and_is_not_found(accounts, asha, three, db):
    accounts.remove(asha, three[0].id)
    with pytest.raises(NotFound):
        accounts.get(asha, three[0].id)
    with db.read() as session:
        assert session.get(Account, three[0].id).name == "One"


def test_a_change_is_announced_after_the_commit(accounts, asha, heard):
    account = accounts.add(asha, typed())
    accounts.set_enabled(asha, account.id, True)
    assert heard == [AccountChanged(asha, account.id)] * 2


def test_the_trail_names_who_did_what_without_any_key(accounts, asha, db, clock):
    with acting(Actor(asha, "asha", "127.0.0.1")):
        account = accounts.add(asha, typed())
        accounts.edit(asha, account.id, typed("Other", api_key="next-key"))
        accounts.remove(asha, account.id)
    trail = Trail(db, clock)
    entries = trail.find(subject=("account", account.id))
    assert [entry.action for entry in entries] == ["account.removed", "account.edited", "account.added"]
    assert {entry.actor_name for entry in entries} == {"asha"}
    told = repr([entry.detail for entry in entries])
    assert KEY not in told
    assert "next-key" not in told
    assert trail.verify().holds


def test_nothing_is_made_for_a_user_who_does_not_exist(accounts):
    with pytest.raises(NotFound):
        accounts.add("nobody", typed())
