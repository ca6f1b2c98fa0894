"""Webhooks and their messages over both databases: proven, one row each, acted on once."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace

import pytest
from sqlalchemy import event, update

from app.audit.trail import Trail
from app.core.crypto import Vault
from app.core.errors import Denied, Invalid, NotFound
from app.core.link import SilentLink
from app.execution.events import Alarm
from app.instruments.service import InstrumentService
from app.signals.acting import CALLED_OFF, Acting
from app.signals.draft import Draft
from app.signals.models import Signal
from app.signals.proof import sign
from app.signals.receiving import Door, Sent, Unproven
from app.signals.service import SignalService
from app.strategies.legs import AccountShare, Leg
from app.strategies.legs import Draft as StrategyDraft
from app.strategies.models import Run, Strategy
from app.strategies.scheduling import MAY_NOT
from app.strategies.service import StrategyService
from app.users.models import User
from tests.feed.hands import HandClock
from tests.portfolio.rows import Desk

KEY = "x2W1nZk5x9dJ0rB6Qy3m1mYpQvYk8m2Xb1cZr5uJk0A="
LEG = Leg(action="BUY", kind="SYMBOL", symbol="SBIN", lots=1)


class House:
    """A desk whose engine is stepped by hand."""

    def __init__(self, db) -> None:
        self.db, self.clock = db, HandClock()
        rows = Desk(db)
        rows.account("a1")
        trail, vault = Trail(db, self.clock), Vault([KEY])
        self.strategies = StrategyService(db, self.clock, SilentLink(), trail, InstrumentService(db, self.clock))
        self.shares = [AccountShare(account_id="a1", multiplier=Decimal(1))]
        self.strategy_id = self.strategies.create("u1", StrategyDraft(name="One", legs=[LEG], accounts=self.shares))
        self.signals = SignalService(db, self.clock, SilentLink(), trail, vault)
        self.door = Door(db, self.clock, SilentLink(), vault)
        self.told: list[object] = []
        self.engine = Acting(db, self.clock, self.strategies, self.told.append)

    def webhook(self, **more) -> None:
        draft = Draft(**({"name": "A chart", "strategy_id": self.strategy_id} | more))
        self.webhook_id, self.secret = self.signals.create("u1", draft)

    def send(self, ip="203.0.113.7", secret=None, **message) -> Signal:
        body = json.dumps({"secret": secret or self.secret, **message}).encode()
        return self.door.receive(self.webhook_id, Sent(body, "", ip))

    def send_signed(self, body=b'{"action": "exit"}', secret=None) -> Signal:
        return self.door.receive(
            self.webhook_id, Sent(body, sign(secret or self.secret, self.clock.now(), body), "203.0.113.7")
        )

    def step(self, signal: Signal) -> SimpleNamespace:
        self.engine.step()
        row = self.signals.signal("u1", signal.id)
        return SimpleNamespace(state=row.state, reason=row.reason, run_ids=row.run_ids)

    def rows(self) -> list[Signal]:
        return list(self.signals.signals("u1"))

    def runs(self) -> list[Run]:
        return list(self.strategies.runs("u1"))


@pytest.fixture(params=["sqlite_db", "postgres_db"])
def house(request):
    made = House(request.getfixturevalue(request.param))
    made.webhook()
    return made


def test_the_same_message_comes_five_times_and_one_run_begins(house):
    first = house.send(action="enter", id="1")
    for _ in range(4):
        assert house.send(action="enter", id="1").id == first.id
        assert house.step(first).state == "executed"
    (row,) = house.rows()
    (run,) = house.runs()
    assert (row.repeats, row.run_ids, row.state) == (4, [run.id], "executed")


def test_without_an_id_the_same_words_within_a_minute_are_the_same_message(house):
    first = house.send(action="exit", price=5)
    house.clock.forward(59)
    assert house.send(price=5, action="exit").id == first.id
    assert house.send(action="exit", price=6).id != first.id
    house.clock.forward(2)
    assert house.send(action="exit", price=5).id != first.id


def test_a_signed_message_that_is_replayed_is_the_same_message(house):
    body = b'{"action": "exit"}'
    header = sign(house.secret, house.clock.now(), body)
    first = house.door.receive(house.webhook_id, Sent(body, header, ""))
    house.clock.forward(290)
    assert house.door.receive(house.webhook_id, Sent(body, header, "")).id == first.id
    house.clock.forward(20)
    with pytest.raises(Unproven):
        house.door.receive(house.webhook_id, Sent(body, header, ""))
    assert len(house.rows()) == 1


def test_what_does_not_prove_itself_leaves_no_row_and_the_last_reason(house):
    for wrong in (
        lambda: house.send(action="enter", secret="mdw_guess"),
        lambda: house.send_signed(secret="mdw_guess"),
        lambda: house.door.receive(house.webhook_id, Sent(b"{}", "", "")),
        lambda: house.door.receive("01NOBODY", Sent(b"{}", "", "")),
        lambda: house.door.receive("01NOBODY", Sent(b"no object", "", "")),
    ):
        house.clock.forward(2)
        with pytest.raises(Unproven) as refused:
            wrong()
        assert house.secret not in str(refused.value)
    assert house.rows() == []
    webhook = house.signals.get("u1", house.webhook_id)
    assert (webhook.unproven, webhook.unproven_why) == (
        3,
        "The message names no secret and has no X-Mirrordesk-Signature.",
    )


def test_what_is_no_object_proves_nothing_and_is_told_like_a_wrong_secret(house):
    with pytest.raises(Unproven):
        house.door.receive(house.webhook_id, Sent(b"enter now", "", ""))
    assert house.signals.get("u1", house.webhook_id).unproven_why.startswith("Send a JSON object")
    with pytest.raises(Invalid):
        house.send_signed(b"enter now")


def test_the_address_a_message_comes_from_can_be_limited(house):
    house.webhook(allowed_ips=["203.0.113.0/24", "2001:db8::/32"])
    assert house.send(action="exit", id="1", ip="203.0.113.9").state == "received"
    assert house.send(action="exit", id="2", ip="2001:db8::5").state == "received"
    for ip in ("198.51.100.1", "", "2001:db9::5"):
        with pytest.raises(Unproven):
            house.send(action="exit", id="3", ip=ip)


def test_a_secret_that_was_replaced_opens_nothing(house):
    old, house.secret = house.secret, house.signals.rotate("u1", house.webhook_id)
    with pytest.raises(Unproven):
        house.send(action="exit", secret=old)
    assert house.send(action="exit").state == "received"


def become(house, **change) -> None:
    with house.db.write() as session:
        session.execute(update(User).where(User.id == "u1").values(**change))


def test_a_webhook_of_somebody_who_may_not_trade_any_more_ends_what_it_began_and_begins_nothing(house):
    run_id = house.step(house.send(action="enter", id="0")).run_ids[0]
    for number, change in enumerate(({"active": False}, {"active": True, "role": "viewer"})):
        become(house, **change)
        refused = house.send(action="enter", id=f"in {number}")
        assert (refused.state, refused.reason) == ("refused", MAY_NOT)
        with pytest.raises(Unproven):
            house.send(action="exit", secret="mdw_guess")
    assert house.step(house.send(action="exit", id="out")).run_ids == [run_id]
    assert len(house.runs()) == 1


def test_an_entry_that_was_received_before_its_owner_was_switched_off_is_not_made(house):
    signal = house.send(action="enter")
    become(house, active=False)
    verdict = house.step(signal)
    assert (verdict.state, verdict.reason) == ("refused", MAY_NOT)
    assert house.runs() == []


def test_what_is_proven_and_not_clear_is_on_record_without_the_secret(house):
    signal = house.send(action="buy", note="x")
    assert (signal.state, signal.action) == ("refused", "")
    assert "buy and sell mean either" in signal.reason
    assert json.loads(house.rows()[0].body) == {"action": "buy", "note": "x"}
    assert house.step(signal).state == "refused"
    assert house.runs() == []


def test_a_message_whose_id_is_none_is_refused_by_field(house):
    with pytest.raises(Invalid) as refused:
        house.send(action="exit", id=[1])
    assert list(refused.value.fields) == ["id"]


def test_a_test_is_understood_and_does_nothing(house):
    signal = house.send(action="enter", test=True)
    assert house.step(signal).state == "tested"
    assert house.runs() == []


def test_while_it_is_paused_messages_are_refused_and_what_came_before_is_carried_out(house):
    before = house.send(action="enter", id="1")
    house.signals.pause("u1", house.webhook_id)
    assert house.send(action="enter", id="2").reason == "The webhook is paused."
    assert house.step(before).state == "executed"
    house.signals.resume("u1", house.webhook_id)
    assert house.send(action="exit", id="3").state == "received"


def test_an_exit_makes_every_live_run_of_its_strategy_leave_once(house):
    runs = {house.strategies.run("u1", house.strategy_id, key) for key in ("k1", "k2")}
    other = house.strategies.create("u1", StrategyDraft(name="Two", legs=[LEG], accounts=[]))
    told = house.step(house.send(action="exit", id="1"))
    assert (told.state, set(told.run_ids)) == ("executed", runs)
    assert {run.exit_reason for run in house.runs()} == {"webhook: A chart"}
    again = house.step(house.send(action="exit", id="2"))
    assert again.reason == "2 runs told to leave; 2 had been told before."
    assert other not in {run.strategy_id for run in house.runs()}


def test_an_exit_with_nothing_to_leave_is_refused_and_nobody_is_called(house):
    told = house.step(house.send(action="exit"))
    assert (told.state, told.reason) == ("refused", "No run of its strategy was under way.")
    assert alarms(house) == []


def alarms(house) -> list[str]:
    return [event.message for event in house.told if isinstance(event, Alarm)]


def test_one_run_at_a_time_unless_several_are_wanted(house):
    assert house.step(house.send(action="enter", id="1")).state == "executed"
    assert "one at a time" in house.step(house.send(action="enter", id="2")).reason
    house.webhook(one_at_a_time=False)
    assert house.step(house.send(action="enter", id="1")).state == "executed"
    assert len(house.runs()) == 2


def test_no_more_entries_of_a_day_than_said_and_exits_always(house):
    house.webhook(one_at_a_time=False, most_entries=2)
    told = [house.step(house.send(action="enter", id=str(n))).state for n in range(3)]
    assert told == ["executed", "executed", "refused"]
    assert "made its 2 entries of" in house.rows()[0].reason
    assert house.step(house.send(action="exit", id="out")).state == "executed"
    house.clock.forward(24 * 3600)
    assert house.step(house.send(action="enter", id="next day")).state == "executed"


def test_an_entry_that_no_engine_saw_for_half_a_minute_is_not_made_and_an_exit_is(house):
    run_id = house.strategies.run("u1", house.strategy_id, "k1")
    late, out = house.send(action="enter", id="1"), house.send(action="exit", id="2")
    house.clock.forward(31)
    assert house.step(late).state == "expired"
    (alarm,) = alarms(house)
    assert "the signal to enter was not carried out. No engine acted within 30 s" in alarm
    assert house.step(out).state == "executed"
    assert [run.id for run in house.runs()] == [run_id]


def test_an_engine_that_died_after_it_began_the_run_begins_no_other(house):
    signal = house.send(action="enter", id="1")
    run_id = house.strategies.run("u1", house.strategy_id, f"signal:{signal.id}")
    house.clock.forward(100)
    told = house.step(signal)
    assert (told.state, told.run_ids) == ("executed", [run_id])
    assert len(house.runs()) == 1


def test_what_the_desk_refuses_stands_at_the_signal(house):
    empty = house.strategies.create("u1", StrategyDraft(name="Two", legs=[LEG], accounts=[]))
    webhook = house.signals.get("u1", house.webhook_id)
    house.signals.change("u1", webhook.id, Draft(name="A chart", strategy_id=empty), webhook.version)
    assert "has no accounts" in house.step(house.send(action="enter")).reason
    assert "has no accounts" in alarms(house)[0]


def test_a_signal_that_cannot_be_decided_holds_up_no_exit_and_is_tried_again(house):
    broken = house.strategies.create("u1", StrategyDraft(name="Two", legs=[LEG], accounts=house.shares))
    house.strategies.run("u1", house.strategy_id, "k1")
    out = (house.webhook_id, house.secret)
    house.webhook(strategy_id=broken)
    stuck = house.send(action="enter")
    with house.db.write() as session:
        session.execute(update(Strategy).where(Strategy.id == broken).values(schedule={"days": "none"}))
    house.webhook_id, house.secret = out
    leave = house.send(action="exit")
    with pytest.raises(ExceptionGroup, match="1 of 2 signals could not be decided"):
        house.engine.step()
    assert {row.id: row.state for row in house.rows()} == {leave.id: "executed", stuck.id: "received"}


def make_schedule(house, schedule) -> None:
    with house.db.write() as session:
        session.execute(update(Strategy).where(Strategy.id == house.strategy_id).values(schedule=schedule))


def test_an_entry_that_could_not_be_decided_is_not_made_after_a_later_exit(house):
    run_id = house.strategies.run("u1", house.strategy_id, "k1")
    house.webhook(name="Another chart", one_at_a_time=False)
    before = house.send(action="enter", id="1")
    make_schedule(house, {"days": "none"})
    house.webhook(name="A third", one_at_a_time=False)
    leave, after = house.send(action="exit", id="2"), house.send(action="enter", id="3")
    with pytest.raises(ExceptionGroup, match="2 of 3 signals could not be decided"):
        house.engine.step()
    assert {row.id: row.state for row in house.rows()} == {
        before.id: "refused", leave.id: "executed", after.id: "received",
    }  # fmt: skip
    make_schedule(house, None)
    told = house.step(before)
    assert (told.state, told.reason, told.run_ids) == ("refused", CALLED_OFF, [])
    assert house.step(after).state == "executed"
    assert {run.key for run in house.runs()} == {"k1", f"signal:{after.id}"}
    assert house.signals.signal("u1", leave.id).run_ids == [run_id]


def test_an_entry_whose_run_began_is_no_refused_one_though_an_exit_came_before_it_was_noted(house):
    entry, leave = house.send(action="enter", id="1"), house.send(action="exit", id="2")
    with pytest.raises(ExceptionGroup, match="1 of 2 signals could not be decided"), one_failure(house.db):
        house.engine.step()
    assert house.step(leave).state == "executed"
    told, (run,) = house.step(entry), house.runs()
    assert (told.state, told.run_ids) == ("executed", [run.id])
    assert run.exit_reason == "webhook: A chart"


@contextmanager
def one_failure(db) -> Iterator[None]:
    """The database takes the first note of a signal for none."""
    failed = []

    def fail(_connection, _cursor, statement, *_rest):
        if statement.startswith("UPDATE signals") and not failed:
            failed.append(statement)
            raise OSError("The disk is full.")

    event.listen(db.writer, "before_cursor_execute", fail)
    yield
    event.remove(db.writer, "before_cursor_execute", fail)


def test_a_change_from_an_older_version_is_refused(house):
    draft = Draft(name="Mine", strategy_id=house.strategy_id)
    house.signals.change("u1", house.webhook_id, draft, 1)
    with pytest.raises(Denied, match="changed meanwhile"):
        house.signals.change("u1", house.webhook_id, draft, 1)


def test_another_strategy_must_be_ones_own(house):
    with pytest.raises(Invalid) as refused:
        house.signals.create("u1", Draft(name="Mine", strategy_id="01NOBODYS"))
    assert list(refused.value.fields) == ["strategy_id"]


def test_what_was_deleted_hears_nothing_and_its_messages_stay(house):
    signal = house.send(action="exit")
    house.signals.remove("u1", house.webhook_id)
    with pytest.raises(Unproven):
        house.send(action="exit")
    with pytest.raises(NotFound):
        house.signals.get("u1", house.webhook_id)
    assert [row.id for row in house.rows()] == [signal.id]


def test_a_new_key_of_the_desk_reseals_every_secret(house):
    newer = "q9M3dYb7Vt1kR5wX2pL8sZ0hC4nJ6uF3aE7gT1iO5yQ="
    both = SignalService(house.db, house.clock, SilentLink(), Trail(house.db, house.clock), Vault([newer, KEY]))
    assert both.reseal() == 1
    both.verify_key()
    house.door = Door(house.db, house.clock, SilentLink(), Vault([newer]))
    assert house.send(action="exit").state == "received"
