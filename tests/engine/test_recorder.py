"""Ticks recorded while the desk trades, and the day played again: its exit is at the same tick by the same rule."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from app.core.clock import INDIA, day_in_india
from app.engine import recorder as recorders
from app.engine.recorder import Recorder
from app.feed.hub import Hub
from app.feed.subscriptions import Subscriptions
from app.replays.models import Recording
from app.replays.recordings import RecordingWish
from app.replays.terms import Terms
from app.replays.tick_files import TickFolder
from app.risk.models import RiskEvent
from app.users.door import Visitor
from app.venues.types import FeedMode, Symbol
from app.wiring import Services, build
from tests.databases import lay_tables
from tests.engine.desks import TestDesk, settings_for
from tests.engine.proving import proving_desk, until_settled
from tests.replays.tapes import CALL, PUT, SPOT, contracts, quote
from tests.waiting import until

NIFTY = Symbol("NSE_INDEX", "NIFTY")
LONG_CALL = [{"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2}]
PRICE, MOVE = 25_000, 120


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestDesk]:
    with proving_desk(tmp_path_factory.mktemp("recorder"), ("alpha",)) as made:
        yield made


def row_of(desk: TestDesk, recording_id: str) -> Recording:
    return desk.services.recordings.get(desk.owner_id, recording_id)


@pytest.mark.timeout(900)
def test_a_live_run_that_was_recorded_leaves_at_the_same_tick_when_it_is_played_again(desk: TestDesk) -> None:
    desk.paper.tell("market", name="NIFTY", pin=PRICE)
    strategy = desk.strategy(LONG_CALL, "recorded", limits={"underlying": {"below": str(PRICE - 60)}})
    wish = RecordingWish(what="strategy", strategy_id=strategy)
    recording_id = desk.services.recordings.begin(desk.owner_id, wish)
    until(lambda: row_of(desk, recording_id).heard > 20, 60)
    run_id = desk.run(strategy)
    assert desk.until_state(run_id, "open", "failed") == "open"
    opened = desk.services.clock.now()
    until(lambda: row_of(desk, recording_id).last_at > opened + timedelta(seconds=1), 60)
    desk.paper.tell("market", name="NIFTY", pin=PRICE - MOVE)
    until_settled(desk, run_id)
    with desk.services.db.read() as session:
        live = session.scalars(select(RiskEvent).where(RiskEvent.run_id == run_id)).one()
    until(lambda: (row_of(desk, recording_id).last_at or live.at) > live.at + timedelta(seconds=2), 60)
    desk.services.recordings.end(desk.owner_id, recording_id)
    began = desk.run_row(run_id).started_at.astimezone(INDIA).time()
    asked = Terms(recording_id=recording_id, enter_at=began)
    replay_id = desk.services.replays.ask(desk.owner_id, strategy, asked)

    def replay():
        return desk.services.replays.get(desk.owner_id, replay_id)

    until(lambda: replay().state in ("done", "failed"), 600)  # it gives way to whatever else runs on this machine
    assert replay().state == "done", replay().trouble
    lines = [json.loads(line) for line in desk.services.replays.journal(desk.owner_id, replay_id).splitlines()]
    (event,) = [line for line in lines if line["what"] == "risk"]
    assert (event["rule"], event["reach"]) == (live.rule, live.reach) == ("underlying level", "run")
    assert event["at"] == live.at.isoformat(timespec="microseconds")
    assert Decimal(event["prices"][0]["price"]) == Decimal(live.prices[0]["price"])
    exits = [line for line in lines if line["what"] == "order" and line["purpose"] == "exit"]
    assert [line["at"] for line in exits] == [event["at"]]
    symbols = {f"{leg.exchange}:{leg.symbol}" for leg in desk.services.strategies.leg_runs(desk.owner_id, run_id)}
    assert {line["symbol"] for line in exits} == symbols
    fills = [line for line in lines if line["what"] == "fill"]
    assert len(fills) == 2 and fills[-1]["at"] > event["at"]
    assert row_of(desk, recording_id).dropped == 0


def test_a_day_of_candles_is_read_of_the_broker_and_can_be_played(desk: TestDesk) -> None:
    leg = {"action": "BUY", "kind": "SYMBOL", "exchange": "NSE", "symbol": "SBIN", "lots": 1, "product": "MIS"}
    strategy = desk.strategy([leg], "candles")
    wish = RecordingWish(what="candles", strategy_id=strategy, day=day_in_india(desk.services.clock.now()))
    recording_id = desk.services.recordings.begin(desk.owner_id, wish)
    until(lambda: row_of(desk, recording_id).state == "ended", 60)
    row = row_of(desk, recording_id)
    assert (row.trouble, row.heard, row.dropped) == ("", 1, 0)
    assert row.ticks and row.ticks % 12 == 0
    folder = desk.services.recordings.folder(row)
    ticks = [one for _, batch in TickFolder(folder).batches() for one in batch]
    assert {tick.symbol for tick in ticks} == {Symbol("NSE", "SBIN")}
    assert ticks == sorted(ticks, key=lambda tick: tick.received_at)
    assert "SBIN" in {listed["symbol"] for listed in json.loads((folder / "contracts.json").read_bytes())}


class Ears:
    """What a recorder hears by."""

    def __init__(self, services: Services) -> None:
        self.hub = Hub(services.clock)
        self.subscriptions = Subscriptions()
        self.feed = self

    def wake(self) -> None:
        pass


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    settings = settings_for(tmp_path)
    lay_tables(settings.database_url)
    made = build(settings)
    with made.db.write() as session:
        session.add_all(contracts())
    yield made
    made.close()


@pytest.fixture
def owner_id(services: Services) -> str:
    return services.users.door.found("trader", "correct horse battery staple", Visitor("127.0.0.1", "tests")).user.id


def test_what_the_disk_cannot_follow_is_dropped_and_counted(services, owner_id, monkeypatch) -> None:
    monkeypatch.setattr(recorders, "MOST", 3)
    wish = RecordingWish(symbols=[str(CALL), str(SPOT)])
    recording_id = services.recordings.begin(owner_id, wish)
    ears = Ears(services)
    recorder = Recorder(services, ears)
    recorder.follow()
    assert ears.subscriptions.modes() == {CALL: FeedMode.BEST, SPOT: FeedMode.BEST}
    for number in range(5):
        recorder.on_quote(quote(CALL, 100 + number, number))
        recorder.on_quote(quote(PUT, 100, number))
    recorder.flush()
    row = services.recordings.get(owner_id, recording_id)
    assert (row.ticks, row.dropped, row.heard) == (3, 2, 1)
    assert row.size > 0
    folder = services.recordings.folder(row)
    assert TickFolder(folder).rows == 3
    assert len(json.loads((folder / "contracts.json").read_bytes())) == len(contracts())


def test_a_tick_that_comes_while_a_batch_is_taken_goes_with_the_next(services, owner_id) -> None:
    recording_id = services.recordings.begin(owner_id, RecordingWish(symbols=[str(CALL)]))
    recorder = Recorder(services, Ears(services))
    recorder.follow()
    feed = threading.Thread(target=lambda: [recorder.on_quote(quote(CALL, 100, number)) for number in range(20_000)])
    feed.start()
    while feed.is_alive():
        recorder.flush()
    recorder.flush()
    row = services.recordings.get(owner_id, recording_id)
    assert (row.ticks, row.dropped) == (20_000, 0)


def test_what_was_put_aside_is_written_when_a_recording_is_ended_and_nothing_after_it(services, owner_id) -> None:
    recording_id = services.recordings.begin(owner_id, RecordingWish(symbols=[str(CALL)]))
    recorder = Recorder(services, Ears(services))
    recorder.follow()
    recorder.on_quote(quote(CALL, 100, 0))
    services.recordings.end(owner_id, recording_id)
    recorder.follow()
    recorder.on_quote(quote(CALL, 101, 1))
    recorder.flush()
    assert services.recordings.get(owner_id, recording_id).ticks == 1


def test_a_recording_goes_on_where_it_was_after_a_restart_and_ends_with_its_day(services, owner_id) -> None:
    recording_id = services.recordings.begin(owner_id, RecordingWish(symbols=[str(CALL)]))
    for number in range(2):
        recorder = Recorder(services, Ears(services))
        recorder.follow()
        recorder.on_quote(quote(CALL, 100 + number, number))
        recorder.flush()
    row = services.recordings.get(owner_id, recording_id)
    folder = TickFolder(services.recordings.folder(row))
    assert [one.last for _, batch in folder.batches() for one in batch] == [100, 101]
    with services.db.write() as session:
        session.get_one(Recording, recording_id).day -= timedelta(days=1)
    recorder.follow()
    assert services.recordings.get(owner_id, recording_id).state == "ended"
