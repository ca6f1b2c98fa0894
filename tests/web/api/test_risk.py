"""Trading states and the kill switch over the API: the same rules as on the pages."""

from tests.web.conftest import PASSWORD

PATH = "/api/v1/risk"
HOLD = {"flatten": False}
RELEASE = {"password": PASSWORD, "confirm": "RELEASE"}


def test_states_are_set_seen_and_ended(bot, world):
    account = f"/api/v1/accounts/{world.account}/trading-state"
    paused = bot.put(account, {"state": "REDUCING", "why": "lunch"})
    assert (paused["name"], paused["state"], paused["by"], paused["why"]) == ("Demo 1", "REDUCING", "Asha", "lunch")
    assert bot.put(f"{PATH}/state", {"state": "HALTED"})["kind"] == "user"
    shown = bot.get(PATH)
    assert [one["state"] for one in shown["accounts"]] == ["REDUCING", "ACTIVE"]
    assert (shown["desk"]["state"], shown["mine"]["state"]) == ("ACTIVE", "HALTED")
    assert bot.put(f"{PATH}/state", {"state": "ACTIVE"}, 409)["error"]["code"] == "DENIED"
    assert bot.post(f"{PATH}/release", RELEASE)["state"] == "ACTIVE"
    assert bot.put(account, {"state": "ACTIVE"})["state"] == "ACTIVE"


def test_pressing_twice_is_one_kill_switch(bot, world):
    first = bot.post(f"{PATH}/kill", HOLD | {"why": "the news"}, 202)
    assert (first["kind"], first["by"], first["reason"], first["flatten"]) == ("user", "Asha", "the news", False)
    assert {one["name"]: one["orders_left"] for one in first["accounts"]} == {"Demo 1": 1, "Demo 2": 0}
    second = bot.post(f"{PATH}/kill", {"flatten": True}, 202)
    assert (second["id"], second["flatten"], second["reason"]) == (first["id"], True, "the news")
    assert {one["name"]: one["runs_left"] for one in second["accounts"]} == {"Demo 1": 1, "Demo 2": 0}
    assert [one["id"] for one in bot.get(PATH)["kills"]] == [first["id"]]


def test_while_halted_no_run_starts(bot, world):
    bot.post(f"{PATH}/kill", HOLD, 202)
    asked = {"strategy_id": world.strategy}
    refused = bot.post("/api/v1/runs", asked, 409, headers={"Idempotency-Key": "k-1"})["error"]
    assert "Your desk takes no new entries: halted" in refused["message"]


def test_a_release_takes_the_persons_password_and_the_right_to_manage(bot, program, world):
    bot.post(f"{PATH}/kill", HOLD, 202)
    assert set(bot.post(f"{PATH}/release", RELEASE | {"password": "wrong"}, 422)["error"]["fields"]) == {"password"}
    assert set(bot.post(f"{PATH}/release", RELEASE | {"confirm": "yes"}, 422)["error"]["fields"]) == {"confirm"}
    program("read", "trade").post(f"{PATH}/release", RELEASE, 403)
    bot.post(f"{PATH}/release", RELEASE)


def test_a_token_speaks_for_its_own_desk_only(bot, world):
    bot.post(f"{PATH}/kill", HOLD | {"kind": "desk"}, 409)
    bot.post(f"{PATH}/kill", HOLD | {"kind": "account", "id": "nobodys"}, 404)
    bot.put(f"{PATH}/state", {"state": "HALTED", "kind": "desk"}, 409)
