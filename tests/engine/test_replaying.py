"""Strategies played over tapes that are written down: the live rules decide, and the same tape is the same journal."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import Denied
from app.engine.replaying.play import Played, Stopped, play
from app.engine.replaying.synthetic import SyntheticTape
from app.engine.replaying.tapes import RecordedTape
from app.engine.replaying.world import draft_of, folder_of
from app.replays.terms import terms
from app.replays.tick_files import TickFolder
from app.venues.types import Quote
from app.wiring import Services, build
from config import ROOT
from tests.databases import lay_tables
from tests.engine.desks import settings_for
from tests.replays.tapes import CALL, SELL_CALL, SELL_PUT, quote, record, replay_of, ticks

Json = dict[str, Any]
BOTH = [SELL_CALL, SELL_PUT]
AGAIN = """
import sys
from pathlib import Path
from app.engine.replaying.play import play
from app.engine.replaying.tapes import RecordedTape
from app.wiring import build
from tests.engine.desks import settings_for
from tests.replays.tapes import SELL_CALL, SELL_PUT, replay_of
services = build(settings_for(Path(sys.argv[1])))
replay = replay_of([SELL_CALL, SELL_PUT], limits={"stop": {"value": "1000"}})
sys.stdout.buffer.write(play(services.settings, services.db, replay, RecordedTape(Path(sys.argv[2])), bool_).journal)
""".replace("bool_", "lambda _percent: True")


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    settings = settings_for(tmp_path_factory.mktemp("replaying"))
    lay_tables(settings.database_url)
    made = build(settings)
    made.instruments.seed()
    yield made
    made.close()


@pytest.fixture
def played(services: Services, tmp_path: Path) -> Callable[..., Played]:
    """Play these legs and rules over these prices, one of each per second."""

    def go(legs: Sequence[Json], quotes: Sequence[Quote], asked: Json | None = None, **rules: Any) -> Played:
        folder = tmp_path / "tape" if not (tmp_path / "tape").exists() else tmp_path / "other"
        record(folder, quotes)
        return play(services.settings, services.db, replay_of(legs, asked, **rules), RecordedTape(folder), always)

    return go


def always(_percent: int) -> bool:
    return True


def lines(found: Played, what: str) -> list[Json]:
    return [line for line in map(json.loads, found.journal.splitlines()) if line["what"] == what]


def rising(call: float, put: float, count: int, spot: float = 0.0) -> list[Quote]:
    """Ten seconds at 24,000, 100 and 100; then each moves so much a second."""
    steps = [max(0, number - 10) for number in range(count)]
    return ticks([(24_000 + spot * n, 100 + call * n, 100 + put * n) for n in steps])


def left_at(found: Played) -> str:
    return lines(found, "risk")[0]["at"][17:19]


@pytest.mark.parametrize(
    ("rule", "legs", "rules", "moves"),
    [
        ("stop", BOTH, {"limits": {"stop": {"value": "1000"}}}, (1, 1, 0)),
        ("target", BOTH, {"limits": {"target": {"value": "20", "unit": "percent"}}}, (-1, -1, 0)),
        ("stop", [SELL_CALL | {"stop": {"value": "10", "unit": "points"}}, SELL_PUT], {}, (1, 0, 0)),
        ("target", [SELL_CALL | {"target": {"value": "90", "unit": "price"}}, SELL_PUT], {}, (-1, 0, 0)),
        ("premium stop", BOTH, {"limits": {"premium_stop": {"value": "220", "unit": "level"}}}, (1, 0, 0)),
        ("premium target", BOTH, {"limits": {"premium_target": {"value": "10", "unit": "percent"}}}, (-1, 0, 0)),
        ("underlying level", BOTH, {"limits": {"underlying": {"above": "24020"}}}, (0, 0, 1)),
        ("underlying stop", [SELL_CALL | {"stop": {"value": "20", "unit": "underlying_points"}}], {}, (0, 0, 1)),
        ("time", BOTH, {"limits": {"until": "09:16"}}, (0, 0, 0)),
        ("delta", BOTH, {"limits": {"delta": {"on": "leg", "leg": 1, "beyond": "0.6"}}}, (1, -1, 3)),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)  # fmt: skip
def test_each_kind_of_rule_leaves_on_a_tape_as_it_does_live(played, rule, legs, rules, moves):
    call, put, spot = moves
    found = played(legs, rising(call, put, 75 if rule in ("time", "delta") else 40, spot), **rules)
    assert [line["rule"] for line in lines(found, "risk")] == [rule]
    (event,) = lines(found, "risk")
    assert event["decided"]
    left = [line for line in lines(found, "order") if line["purpose"] == "exit"]
    assert left and all(line["at"] == event["at"] for line in left), "an exit is asked for at the tick of its trigger"
    assert all(line["reason"].startswith(rule) for line in left)
    assert [line["at"] for line in lines(found, "fill")][-1] >= event["at"]
    assert found.result["exits"][0]["rule"] == rule


def test_a_stop_that_follows_gives_back_what_it_may_and_no_more(played):
    there = [(24_000, 100 - min(n, 30), 100) for n in range(40)]
    back = [(24_000, 70 + n, 100) for n in range(40)]
    trail = {"trail": {"stop": {"value": "750"}, "factor": "1"}}
    found = played(BOTH, ticks([*there, *back]), limits=trail)
    (event,) = lines(found, "risk")
    assert event["rule"] == "trailing stop"
    peak = 75 * (95 - 70) - 2 * 75 * 0.05  # entered five seconds in, at the bid
    assert float(event["threshold"]) == pytest.approx(peak - 750)
    lock = {"lock": {"at": "1000", "keep": "500"}}
    locked = played(BOTH, ticks([*there, *back]), limits=lock)
    assert [line["threshold"] for line in lines(locked, "risk")] == ["500"]


def test_a_supertrend_turns_on_candles_made_of_the_tape(played):
    quiet = [(24_000 - n / 10, 100, 100) for n in range(360)]
    up = [(24_000 + n, 100, 100) for n in range(180)]
    rule = {"on": "underlying", "period": 2, "multiplier": "1", "timeframe": "1m", "when": "breakout"}
    found = played(BOTH, ticks([*quiet, *up]), {"enter_at": "09:16"}, limits={"supertrend": rule})
    (event,) = lines(found, "risk")
    assert event["rule"] == "supertrend"
    assert event["at"].endswith(":05.000000+00:00"), "a candle counts once it has settled"


def test_one_leg_that_is_stopped_moves_the_stops_of_the_others_to_their_cost(played):
    legs = [SELL_CALL | {"stop": {"value": "10", "unit": "points"}}, SELL_PUT]
    prices = [(24_000, 100 + min(n, 15), 98 if n < 30 else 101) for n in range(60)]
    found = played(legs, ticks(prices), limits={"others_to_cost": True})
    assert [line["rule"] for line in lines(found, "risk")] == ["stop", "stop at cost"]


def test_a_schedule_enters_and_leaves_by_the_clock_of_the_tape(played):
    schedule = {"days": ["fri"], "entries": ["09:16"], "exit_at": "09:17"}
    found = played(BOTH, rising(0, 0, 150), schedule=schedule)
    (entry,) = lines(found, "entry of the schedule")
    assert (entry["slot"], entry["outcome"], entry["at"]) == ("09:16", "started", "2026-11-20T03:46:00.000000+00:00")
    (event,) = lines(found, "risk")
    assert (event["rule"], event["at"]) == ("scheduled exit", "2026-11-20T03:47:00.000000+00:00")
    assert found.result["totals"]["still_open"] == 0


def test_hedges_go_first_on_the_way_in_and_last_on_the_way_out(played):
    legs = [SELL_CALL, SELL_CALL | {"action": "BUY", "strike": "24000", "kind": "PE"}]
    found = played(legs, rising(1, 0, 60), limits={"stop": {"value": "1000"}})
    fills = {line["order"]: line for line in lines(found, "fill")}
    orders = [(fills[line["order"]]["at"], line["side"], line["purpose"]) for line in lines(found, "order")]
    assert [one[1:] for one in sorted(orders)] == [
        ("BUY", "entry"), ("SELL", "entry"), ("BUY", "exit"), ("SELL", "exit"),
    ]  # fmt: skip


def test_a_leg_that_waits_for_a_move_is_entered_when_its_price_has_made_it(played):
    legs = [SELL_CALL | {"wait": {"value": "10", "unit": "points", "way": "up"}}, SELL_PUT]
    found = played(legs, rising(1, 0, 40))
    orders = {line["leg"]: line["at"][17:19] for line in lines(found, "order")}
    assert orders == {2: "05", 1: "20"}


def test_a_leg_that_was_stopped_comes_again_as_often_as_it_may(played):
    again = {"after": "stop", "how": "at_once", "times": 1}
    legs = [SELL_CALL | {"stop": {"value": "10", "unit": "points"}, "again": again}, SELL_PUT]
    found = played(legs, rising(1, 0, 60))
    assert [line["rule"] for line in lines(found, "risk")] == ["stop", "stop"]
    mine = [line["purpose"] for line in lines(found, "order") if line["leg"] == 1]
    assert mine == ["entry", "exit", "entry", "exit"]


def test_slippage_and_charges_are_in_the_result_and_the_curve_has_its_stop(played):
    asked = {"slippage": "0.5"}
    found = played(BOTH, rising(1, 0, 100), asked, limits={"stop": {"value": "10000"}})
    entries = [trade for trade in found.result["trades"] if trade["purpose"] == "entry"]
    assert [trade["price"] for trade in entries] == ["99.45", "99.45"]
    totals = found.result["totals"]
    assert float(totals["net"]) == pytest.approx(float(totals["total"]) - float(totals["charges"]))
    assert float(totals["charges"]) > 0
    assert "-10000" in {stop for _, _, stop in found.result["curve"]}


def test_what_is_still_held_at_the_end_is_said_and_valued_at_the_last_prices(played):
    found = played(BOTH, rising(0, 0, 30))
    assert found.result["totals"]["still_open"] == 1
    assert found.result["totals"]["total"] == "-7.5"  # half a spread of each leg
    assert not lines(found, "run ended")


def test_the_same_ticks_give_the_same_journal_byte_for_byte_in_any_files_and_in_another_process(services, tmp_path):
    quotes, replay = rising(1, 0, 60), replay_of(BOTH, limits={"stop": {"value": "1000"}})
    cut = [record(tmp_path / str(size), quotes, size) for size in (7, 1000)]
    first, second = (play(services.settings, services.db, replay, RecordedTape(folder), always) for folder in cut)
    assert first == second
    assert len(lines(first, "order")) == 4
    command = (sys.executable, "-c", AGAIN, str(services.settings.instance), str(cut[1]))
    environment = {"PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT), "MIRRORDESK_INSTANCE": str(tmp_path)}
    other = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
    assert other.stdout == first.journal
    changed = record(tmp_path / "changed", quotes[:-1])
    assert RecordedTape(changed).fingerprint() != first.fingerprint


def test_a_synthetic_day_is_played_and_is_the_same_day_when_it_is_asked_for_again(services):
    asked = {"tape": "synthetic", "recording_id": "", "seed": 7, "start": "2026-11-20T09:15", "minutes": 1}
    replay = replay_of(BOTH, asked)
    tape = SyntheticTape(terms(replay.terms), draft_of(replay)[0].legs)
    found = play(services.settings, services.db, replay, tape, always)
    fills = lines(found, "fill")
    assert [fill["at"][17:19] for fill in fills] == ["05", "05"]
    assert found.fingerprint == tape.fingerprint()
    of_orders = {line["symbol"] for line in lines(found, "order")}
    known = {str(one.symbol): one for _, batch in tape.batches(()) for one in batch if one.received_at.second == 5}
    assert {str(known[symbol].bid) for symbol in of_orders} == {fill["price"] for fill in fills}


@pytest.mark.parametrize(
    ("quotes", "sentence"),
    [([], "has no ticks"), ([quote(CALL, 100, 0)], "no tick of what the strategy trades")],
    ids=["empty", "nothing listed"],
)
def test_a_tape_that_cannot_be_played_says_why(services, tmp_path, quotes, sentence):
    folder = tmp_path / "tape"
    if quotes:
        TickFolder(folder).write(quotes)
    with pytest.raises(Denied, match=sentence):
        play(services.settings, services.db, replay_of(BOTH), RecordedTape(folder), always)


def test_a_strike_that_has_no_price_on_the_tape_is_said_by_the_run(played):
    found = played([SELL_CALL | {"pick": {"by": "premium", "value": "50"}, "strike": "ATM"}], rising(0, 0, 20))
    (ended,) = lines(found, "run ended")
    assert ended["state"] == "failed"
    assert "have no fresh price" in ended["reason"]
    assert found.result["totals"]["runs"] == 1


def test_whoever_cancels_is_heard(services, tmp_path):
    folder = record(tmp_path / "tape", rising(0, 0, 30))
    with pytest.raises(Stopped):
        play(services.settings, services.db, replay_of(BOTH), RecordedTape(folder), lambda _percent: False)
    assert [path.name for path in services.settings.instance.iterdir() if path.name.startswith("replay-")] == []


def test_what_a_killed_replay_left_behind_is_gone_once_it_is_played_again(services, tmp_path):
    replay, folder = replay_of(BOTH), record(tmp_path / "tape", rising(0, 0, 30))
    left = folder_of(services.settings, replay.id)
    left.mkdir()
    (left / "tape.db").write_bytes(b"half a database")
    assert play(services.settings, services.db, replay, RecordedTape(folder), always).result["totals"]["runs"] == 1
    assert not left.exists()
