"""Saving over a change that was made meanwhile, and keys that stand for one run of one strategy."""

from decimal import Decimal

import pytest

from app.audit.trail import Trail
from app.core.errors import Denied
from app.core.link import SilentLink
from app.instruments.service import InstrumentService
from app.strategies.legs import AccountShare, Draft, Leg
from app.strategies.service import StrategyService
from tests.execution.conftest import any_desk  # noqa: F401 - fixtures of the room below

LEG = Leg(action="BUY", kind="SYMBOL", symbol="SBIN", lots=1)


@pytest.fixture
def strategies(any_desk):  # noqa: F811 - the fixture
    db, clock = any_desk.db, any_desk.clock
    return StrategyService(db, clock, SilentLink(), Trail(db, clock), InstrumentService(db, clock))


def draft(name: str, *accounts: str) -> Draft:
    return Draft(name=name, legs=[LEG], accounts=[AccountShare(account_id=a, multiplier=Decimal(1)) for a in accounts])


def test_a_change_made_from_an_older_version_is_refused_with_a_sentence(strategies):
    strategy_id = strategies.create("u1", draft("One"))
    strategies.edit("u1", strategy_id, draft("Two"), version=1)
    with pytest.raises(Denied, match="Two was changed meanwhile"):
        strategies.edit("u1", strategy_id, draft("Three"), version=1)
    strategies.edit("u1", strategy_id, draft("Four"), version=2)
    strategies.edit("u1", strategy_id, draft("Five"))
    assert (strategies.get("u1", strategy_id).name, strategies.get("u1", strategy_id).version) == ("Five", 4)


def test_a_key_is_one_run_of_one_strategy(strategies):
    one, two = strategies.create("u1", draft("One", "a1")), strategies.create("u1", draft("Two", "a1"))
    run_id = strategies.run("u1", one, "key")
    assert strategies.run("u1", one, "key") == run_id
    with pytest.raises(Denied, match="another strategy"):
        strategies.run("u1", two, "key")
    assert len(strategies.runs("u1")) == 1
