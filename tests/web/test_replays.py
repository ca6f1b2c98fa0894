"""Recorded days and replays on their pages: asked for, seen for what they are, taken away."""

import json

import pytest

from app.core.errors import NotFound
from app.replays.tick_files import TickFolder
from tests.replays.tapes import CALL, quote
from tests.web.trading import Desk

MOMENT = "2026-11-20T03:46:00.000000+00:00"
RESULT = {
    "totals": {
        "runs": 1, "still_open": 0, "realised": "1012.5", "total": "1012.5", "charges": "129.47", "net": "883.03",
        "best": "1012.5", "worst": "-663.75",
    },
    "trades": [{
        "at": MOMENT, "asked_at": MOMENT, "account": "Demo 1", "leg": 1, "exchange": "NFO", "symbol": CALL.name,
        "side": "BUY", "purpose": "exit", "quantity": "75", "price": "120.55", "charges": "25.4",
        "reason": "stop: profit -1503.75 reached -1500",
    }],
    "exits": [{
        "at": MOMENT, "name": "Iron condor", "reach": "run", "rule": "stop", "threshold": "-1500", "value": "-1503.75",
        "prices": [{"exchange": "NFO", "symbol": CALL.name, "price": "120", "age_ms": 0}],
    }],
    "curve": [[MOMENT, "-7.5", None], [MOMENT.replace("46", "47"), "1012.5", "-1500"]],
    "notes": ["Lots are as written in the legs."],
}  # fmt: skip


@pytest.fixture
def desk(admin, services) -> Desk:
    services.instruments.seed()
    return Desk(services)


def played(desk: Desk) -> str:
    return desk.played(desk.strategy(desk.account()), RESULT)


def test_a_replay_is_asked_for_and_waits_with_all_that_it_needs(admin, desk):
    strategy, day = desk.strategy(desk.account()), desk.recording()
    fields = {"tape": "recording", "recording_id": day.id, "enter_at": "09:20", "slippage": "0.5"}
    answer = admin.submit("/replays", strategy_id=strategy, **fields)
    replay = desk.services.replays.get(desk.owner_id, answer.location.rpartition("/")[2])
    assert (replay.state, replay.version, replay.terms["slippage"]) == ("waiting", 1, "0.5")
    assert [one["name"] for one in replay.accounts] == ["Demo 1"]
    page = admin.get(answer.location).text
    assert "SIMULATION" in page and "Waiting for its turn" in page and "Cancel" in page
    admin.submit(f"/replays/{replay.id}/cancel", answer.location)
    assert "Cancelled" in admin.get("/replays").text


def test_what_cannot_be_played_is_said_at_its_field_and_nothing_waits(admin, desk):
    fields = {"strategy_id": desk.strategy(desk.account()), "tape": "recording", "recording_id": desk.recording().id}
    for typed, sentence in (
        ({"strategy_id": ""}, "Choose a strategy."),
        ({"recording_id": ""}, "Choose a recorded day."),
        ({"tape": "synthetic", "start": ""}, "Choose a day and a time"),
        ({"enter_at": "soon"}, "Type a time such as 09:20"),
        ({"slippage": "-1"}, "Type points from 0"),
        ({"minutes": "many"}, "Type whole minutes"),
    ):
        assert sentence in admin.submit("/replays", status=422, **(fields | typed)).text
    assert desk.services.replays.list(desk.owner_id) == []


def test_what_a_replay_came_to_is_unmistakably_a_simulation(admin, desk):
    replay_id = played(desk)
    page = admin.get(f"/replays/{replay_id}").text
    assert page.count("SIMULATION") == 1 and "Simulated P&amp;L" in page and "Nothing of it was traded" in page
    assert "+₹1,012.50" in page and "+₹883.03" in page and "₹129.47" in page
    assert "Stop" in page and "-1,500" in page.replace("\u2212", "-") and "120.55" in page
    assert "Lots are as written" in page and "f" * 64 in page.replace("<wbr>", "") and "next tick" in page
    assert "+₹883.03" in admin.get("/replays/rows", fragment=True).text


def test_its_journal_and_its_trades_are_files(admin, desk):
    replay_id = played(desk)
    lines = admin.get(f"/replays/{replay_id}/journal.jsonl")
    assert json.loads(lines.text) == {"what": "result"}
    rows = admin.get(f"/replays/{replay_id}/trades.csv").text.splitlines()
    assert rows[0].startswith("at,asked_at,account,leg") and CALL.name in rows[1] and "120.55" in rows[1]
    waiting = desk.replay(desk.strategy(name="Another"))
    admin.get(f"/replays/{waiting}/journal.jsonl", 404)


def test_a_replay_is_deleted_after_a_question_and_not_while_it_waits(admin, desk):
    replay_id, waiting = played(desk), desk.replay(desk.strategy(name="Another"))
    assert "give the same" in admin.get(f"/replays/{replay_id}/delete").text.replace("gives", "give")
    admin.submit(f"/replays/{replay_id}/delete")
    with pytest.raises(NotFound):
        desk.services.replays.get(desk.owner_id, replay_id)
    admin.submit(f"/replays/{waiting}/delete")
    assert desk.services.replays.get(desk.owner_id, waiting).state == "waiting"


def test_a_day_is_recorded_ended_and_deleted_with_its_files(admin, desk):
    admin.submit("/recordings", what="symbols", symbols="nse_index:nifty, NFO:NIFTY24NOV2624000CE")
    (row,) = desk.services.recordings.list(desk.owner_id)
    assert (row.state, row.symbols) == ("on", ["NFO:NIFTY24NOV2624000CE", "NSE_INDEX:NIFTY"])
    folder = desk.services.recordings.folder(row)
    TickFolder(folder).write([quote(CALL, 100, 0)])
    page = admin.get(f"/recordings/{row.id}").text
    assert "000001.parquet" in page
    file = admin.get(f"/recordings/{row.id}/files/000001.parquet")
    assert file.data == (folder / "000001.parquet").read_bytes()
    admin.get(f"/recordings/{row.id}/files/..%2Fmirrordesk.db", 404)
    admin.submit(f"/recordings/{row.id}/delete")
    assert folder.is_dir(), "it is on"
    admin.submit(f"/recordings/{row.id}/end", "/recordings")
    assert "cannot be brought back" in admin.get(f"/recordings/{row.id}/delete").text
    admin.submit(f"/recordings/{row.id}/delete")
    assert not folder.exists()
    assert desk.services.recordings.list(desk.owner_id) == []


def test_a_day_that_a_replay_waits_for_is_not_deleted(admin, desk):
    day = desk.recording()
    desk.replay(desk.strategy(), day)
    admin.submit(f"/recordings/{day.id}/delete")
    assert desk.services.recordings.get(desk.owner_id, day.id)


def test_what_cannot_be_recorded_is_said_at_its_field(admin, desk):
    for typed, sentence in (
        ({"what": "symbols", "symbols": "NIFTY"}, "with their exchange"),
        ({"what": "symbols", "symbols": ""}, "with their exchange"),
        ({"what": "strategy", "strategy_id": ""}, "Choose a strategy"),
        ({"what": "dreams"}, "Choose what to record"),
        ({"what": "candles", "strategy_id": "x", "day": ""}, "Choose a day that was"),
        ({"what": "candles", "strategy_id": "x", "day": "2020-01-01"}, "at most 60 days ago"),
    ):
        assert sentence in admin.submit("/recordings", status=422, **typed).text
    assert desk.services.recordings.list(desk.owner_id) == []


def test_only_an_admin_records_what_everybody_looks_at(admin, desk, invited):
    trader = invited("trader", "Birla")
    assert "Everything the feed hears" not in trader.get("/recordings").text
    trader.submit("/recordings", what="everything", status=403)
    admin.submit("/recordings", what="everything")
    assert "Everything the feed hears" in admin.get("/recordings/rows", fragment=True).text


def test_too_many_at_once_are_refused(admin, desk):
    for _ in range(5):
        admin.submit("/recordings", what="symbols", symbols="NSE:SBIN")
    assert "5 recordings are on already" in admin.submit(
        "/recordings", what="symbols", symbols="NSE:SBIN", status=409
    ).text  # fmt: skip
