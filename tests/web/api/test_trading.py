"""Strategies, runs, exits and the journal over the API."""

import json
import threading

from app.core import errands
from app.strategies.models import Run
from app.web.api import waiting

LEG = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}
PATH = "/api/v1/strategies"


def start(bot, strategy_id, key="key-1", status=202):
    return bot.post("/api/v1/runs", {"strategy_id": strategy_id}, status, headers={"Idempotency-Key": key})


def test_a_strategy_is_saved_replaced_and_removed(bot, world):
    wish = {"name": "Strangle", "legs": [LEG], "accounts": [{"account_id": world.account, "multiplier": 1.5}]}
    made = bot.post(PATH, wish, 201)
    assert made["legs"][0]["words"] == "SELL 2 lots NIFTY current week OTM2 CE"
    share = {"account_id": world.account, "multiplier": "1.5", "grade": "", "max_lots": None, "max_value": None}
    assert made["accounts"] == [share]
    after = bot.put(f"{PATH}/{made['id']}", wish | {"legs": [LEG, LEG | {"kind": "PE"}], "on_failure": "hold"})
    assert (len(after["legs"]), after["version"], after["on_failure"]) == (2, 2, "hold")
    assert bot.get(f"{PATH}/{made['id']}") == after
    assert [one["name"] for one in bot.get(PATH)["items"]] == ["Iron condor", "Strangle"]
    bot.delete(f"{PATH}/{made['id']}")
    bot.get(f"{PATH}/{made['id']}", 404)


def test_a_strategy_that_was_changed_meanwhile_is_not_overwritten(bot, world):
    wish = {"name": "Strangle", "legs": [LEG | {"underlying": "nifty"}]}
    path = f"{PATH}/{bot.post(PATH, wish, 201)['id']}"
    assert bot.put(path, wish | {"on_failure": "hold", "version": 1})["version"] == 2
    assert bot.put(path, wish | {"version": 1}, 409)["error"]["code"] == "DENIED"
    assert bot.get(path)["on_failure"] == "hold"
    assert bot.put(path, wish)["version"] == 3


def test_numbers_may_be_text_and_never_pass_through_a_float(bot, world):
    share = {"account_id": world.account, "multiplier": "0.1"}
    leg = LEG | {"lots": "3", "price_type": "LIMIT", "price": 0}
    raw = json.dumps({"name": "Exact", "legs": [leg], "accounts": [share]})
    raw = raw.replace('"price": 0', '"price": 1234567890.12345678')
    made = bot.call("POST", PATH, 201, data=raw, content_type="application/json").json
    assert made["legs"][0]["price"] == "1234567890.12345678"
    assert made["legs"][0]["lots"] == 3
    assert made["accounts"][0]["multiplier"] == "0.1"


def test_a_strategy_with_a_live_run_or_a_taken_name_is_refused(bot, world):
    assert bot.delete(f"{PATH}/{world.strategy}", 409).json["error"]["code"] == "DENIED"
    taken = bot.post(PATH, {"name": "Iron condor", "legs": [LEG]}, 422)
    assert set(taken["error"]["fields"]) == {"name"}


def test_a_preview_comes_at_once_when_the_engine_answers_in_time(bot, world, services):
    stop = threading.Event()

    def engine():
        while not stop.is_set():
            for errand in errands.claim(services.db, services.clock.now()):
                answer = {"trouble": "", "legs": [], "accounts": []}
                errands.finish(services.db, errand.id, services.clock.now(), answer, None)
            stop.wait(0.01)

    thread = threading.Thread(target=engine)
    thread.start()
    try:
        told = bot.post(f"{PATH}/{world.strategy}/preview")
    finally:
        stop.set()
        thread.join()
    assert told["answer"] == {"trouble": "", "legs": [], "accounts": []}


def test_a_preview_that_takes_longer_says_where_to_look(bot, world):
    answer = bot.call("POST", f"{PATH}/{world.strategy}/preview?wait=0", 202)
    assert answer.headers["Location"] == f"/api/v1/errands/{answer.json['id']}"
    assert bot.get(answer.headers["Location"])["done_at"] is None
    assert waiting.LONGEST == 10
    bot.post(f"{PATH}/{world.strategy}/preview?wait=11", None, 422)


def test_starting_a_run_needs_a_key_and_the_key_is_the_runs_own(bot, world, services):
    refused = bot.post("/api/v1/runs", {"strategy_id": world.strategy}, 422)
    assert set(refused["error"]["fields"]) == {"Idempotency-Key"}
    run = start(bot, world.strategy)
    assert (run["state"], run["accounts"]) == ("requested", 2)
    with services.db.read() as session:
        assert session.get(Run, run["id"]).key == "key-1"


def test_a_key_that_started_another_strategys_run_starts_nothing_when_it_was_forgotten(bot, world, services):
    other = world.desk.strategy(world.desk.account("Demo 3"), name="Other")
    services.strategies.run(world.desk.owner_id, other, "key-1")
    runs = world.desk.count(Run)
    assert "another strategy" in start(bot, world.strategy, status=409)["error"]["message"]
    assert world.desk.count(Run) == runs


def test_a_strategy_without_accounts_does_not_run(bot, world):
    made = bot.post(PATH, {"name": "Empty", "legs": [LEG]}, 201)
    assert start(bot, made["id"], status=409)["error"]["code"] == "DENIED"


def test_a_run_is_told_with_its_parts_legs_and_figures(bot, world):
    run = bot.get(f"/api/v1/runs/{world.run}")
    (part,) = run["parts"]
    (leg,) = part["legs"]
    assert (part["account_name"], part["state"], part["currency"]) == ("Demo 1", "open", "INR")
    assert (leg["entered"], leg["exited"], leg["held"], leg["entry_average"]) == ("1820", "0", "1820", "171.05")
    assert leg["last_price"] == "168.4"
    assert run["pnl"] == part["pnl"] == leg["pnl"] == "4823"


def test_runs_are_listed_page_by_page(bot, world):
    newer = start(bot, world.strategy)["id"]
    first = bot.get("/api/v1/runs?limit=1")
    assert [one["id"] for one in first["items"]] == [newer]
    last = bot.get(f"/api/v1/runs?limit=1&before={first['next']}")
    assert ([one["id"] for one in last["items"]], last["next"]) == ([world.run], None)
    assert len(bot.get("/api/v1/runs?live=true")["items"]) == 2


def test_an_exit_is_decided_once_for_the_leg_the_account_and_the_run(bot, world):
    for path in (f"leg-runs/{world.leg}", f"account-runs/{world.part}", f"runs/{world.run}"):
        told = bot.post(f"/api/v1/{path}/exit", None, 202)
        assert told == {"id": path.partition("/")[2], "decided": True}
        assert bot.post(f"/api/v1/{path}/exit", {}, 202)["decided"] is False
    run = bot.get(f"/api/v1/runs/{world.run}")
    assert (run["exit_reason"], run["exit_by"]) == ("by hand", "Asha")
    assert run["parts"][0]["legs"][0]["exit_by"] == "Asha"


def test_a_run_that_ended_is_not_exited(bot, world):
    ended = world.desk.run(world.desk.account("Demo 3"), strategy_id=world.strategy, state="closed")
    assert bot.post(f"/api/v1/runs/{ended.id}/exit", None, 409)["error"]["code"] == "DENIED"


def test_orders_are_found_by_filter_and_page(bot, world):
    path = "/api/v1/journal/orders"
    every = [one["id"] for one in bot.get(path)["items"]]
    assert len(every) == 4
    assert every == sorted(every, reverse=True)
    assert [one["id"] for one in bot.get(f"{path}?status=live")["items"]] == [world.order]
    assert len(bot.get(f"{path}?status=filled&account_id={world.account}&symbol=nifty24dec2624400ce")["items"]) == 2
    assert len(bot.get(f"{path}?account_run_id={world.part}")["items"]) == 2
    assert bot.get(f"{path}?account_id={world.other}")["items"] == []
    assert bot.get(f"{path}?since=2090-01-01T00:00:00Z")["items"] == []
    paged, before = [], ""
    while before is not None:
        page = bot.get(f"{path}?limit=2&before={before}")
        paged += [one["id"] for one in page["items"]]
        before = page["next"]
    assert paged == every


def test_an_order_tells_its_story_and_is_cancelled(bot, world):
    told = bot.get(f"/api/v1/journal/orders/{world.order}")
    assert told["order"]["quantity"] == "65"
    assert [event["to_state"] for event in told["events"]] == ["open"]
    filled = bot.get("/api/v1/journal/orders?status=filled")["items"][0]["id"]
    assert bot.get(f"/api/v1/journal/orders/{filled}")["fills"][0]["price"] == "171.05"
    after = bot.post(f"/api/v1/journal/orders/{world.order}/cancel", None, 202)
    assert after["order"]["cancel_asked_at"].endswith("Z")
    assert bot.post(f"/api/v1/journal/orders/{filled}/cancel", None, 409)["error"]["code"] == "DENIED"


def doubtful(world) -> str:
    """An order in doubt with two orders in the venue's book that could be it."""
    account = world.desk.account("Demo 3")
    for name in ("v1", "v2"):
        world.desk.foreign(account, venue_order_id=name, side="SELL", quantity=65, status="open")
    order = world.desk.order(account, state="unknown", venue_order_id=None, candidates=["v1", "v2"])
    return f"/api/v1/journal/orders/{order.id}"


def test_an_order_in_doubt_names_its_candidates_and_one_is_adopted_once(bot, world):
    path = doubtful(world)
    assert [each["venue_order_id"] for each in bot.get(path)["candidates"]] == ["v1", "v2"]
    assert bot.post(f"{path}/adopt", {"venue_order_id": "v3"}, 409)["error"]["code"] == "DENIED"
    bot.post(f"{path}/adopt", {}, 422)
    told = bot.post(f"{path}/adopt", {"venue_order_id": "v2"})
    assert (told["order"]["state"], told["order"]["venue_order_id"], told["candidates"]) == ("open", "v2", [])
    assert told["events"][-1]["source"] == "person"
    assert bot.post(f"{path}/adopt", {"venue_order_id": "v1"}, 409)["error"]["code"] == "DENIED"
    assert bot.post(f"{path}/give-up", None, 409)["error"]["code"] == "DENIED"


def test_an_order_in_doubt_is_given_up_once(bot, world):
    path = doubtful(world)
    told = bot.post(f"{path}/give-up")
    assert (told["order"]["state"], told["order"]["failure"]) == ("lost", "lost")
    assert bot.post(f"{path}/give-up", None, 409)["error"]["code"] == "DENIED"


def test_a_session_needs_its_csrf_token_and_a_program_none(person, bot, world):
    person.client.post(f"/api/v1/runs/{world.run}/exit")
    refused = person.client.post(f"/api/v1/runs/{world.run}/exit")
    assert (refused.status_code, refused.json["error"]["code"]) == (400, "CSRF_FAILED")
    assert bot.get(f"/api/v1/runs/{world.run}")["exit_reason"] is None
    person.post(f"/api/v1/runs/{world.run}/exit", None, 202)
