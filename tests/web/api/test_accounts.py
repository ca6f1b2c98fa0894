"""Accounts over the API: what the pages do, with the same guards, and never a key in an answer."""

from app.accounts.models import Account

ACCOUNT = {
    "name": "Zerodha main",
    "host_url": "http://127.0.0.1:5000",
    "stream_url": "ws://127.0.0.1:8765",
    "api_key": "5e" * 32,
}
PATH = "/api/v1/accounts"


def edited(shown, **changes):
    kept = ("name", "host_url", "stream_url", "expected_mode", "default_product", "bind_address")
    return {name: shown[name] for name in kept} | changes


def test_an_account_is_added_looked_at_listed_and_its_key_is_nowhere(bot, services):
    answer = bot.call("POST", PATH, 201, json=ACCOUNT)
    made = answer.json
    assert answer.headers["Location"] == f"{PATH}/{made['id']}"
    assert bot.get(answer.headers["Location"]) == made
    assert bot.get(PATH)["items"] == [made]
    assert (made["is_primary"], made["currency"], made["health"]["state"]) == (True, "INR", "unknown")
    assert made["created_at"].endswith("Z")
    assert ACCOUNT["api_key"] not in answer.text
    with services.db.read() as session:
        assert ACCOUNT["api_key"] not in session.get(Account, made["id"]).api_key_sealed


def test_the_rooms_own_objections_come_by_field(bot):
    answer = bot.post(PATH, ACCOUNT | {"host_url": "ftp://x", "api_key": "ключ"}, 422)
    assert set(answer["error"]["fields"]) == {"host_url", "api_key"}
    assert set(bot.post(PATH, ACCOUNT | {"extra": {"pin": "1"}}, 422)["error"]["fields"]) == {"extra.pin"}


def test_the_acts_on_an_account_change_its_state(bot, world):
    path = f"{PATH}/{world.other}"
    assert bot.post(f"{path}/pause")["trading_state"] == "REDUCING"
    assert bot.post(f"{path}/resume")["trading_state"] == "ACTIVE"
    assert bot.post(f"{path}/disable")["enabled"] is False
    assert bot.post(f"{path}/enable")["enabled"] is True
    assert bot.post(f"{path}/make-primary")["is_primary"] is True
    assert [one["id"] for one in bot.post(f"{path}/move", {"direction": "down"})["items"]][0] == world.other
    assert bot.delete(path).data == b""
    bot.get(path, 404)


def test_an_account_with_open_orders_is_kept(bot, world):
    refused = bot.delete(f"{PATH}/{world.account}", 409).json["error"]
    assert refused["code"] == "DENIED"
    bot.post(f"{PATH}/{world.account}/disable", None, 409)
    bot.get(f"{PATH}/{world.account}")


def test_testing_a_connection_gives_an_errand_to_look_at(bot, world):
    answer = bot.call("POST", f"{PATH}/{world.account}/test", 202)
    assert answer.json["kind"] == "test_connection"
    assert bot.get(answer.headers["Location"]) == answer.json


def test_editing_keeps_the_secrets_and_counts_the_version(bot, world):
    shown = bot.get(f"{PATH}/{world.account}")
    after = bot.put(f"{PATH}/{world.account}", edited(shown, name="Main", orders_per_second="7", version=1))
    assert (after["name"], after["orders_per_second"], after["version"]) == ("Main", 7, 2)
    stale = bot.put(f"{PATH}/{world.account}", edited(shown, name="Late", version=1), 409)
    assert stale["error"]["code"] == "DENIED"


def test_a_token_alone_can_not_send_stored_keys_elsewhere(bot, world):
    shown = bot.get(f"{PATH}/{world.account}")
    moved = edited(shown, host_url="http://127.0.0.1:6666")
    assert set(bot.put(f"{PATH}/{world.account}", moved, 422)["error"]["fields"]) == {"api_key"}
    assert bot.get(f"{PATH}/{world.account}")["host_url"] == shown["host_url"]
    bot.put(f"{PATH}/{world.account}", moved | {"api_key": "5e" * 32})


def test_an_open_browser_alone_can_not_either(person, world):
    shown = person.get(f"{PATH}/{world.account}")
    moved = edited(shown, host_url="http://127.0.0.1:6666")
    assert set(person.put(f"{PATH}/{world.account}", moved, 422)["error"]["fields"]) == {"password"}
    wrong = person.put(f"{PATH}/{world.account}", moved | {"password": "not it"}, 422)
    assert set(wrong["error"]["fields"]) == {"password"}
    person.put(f"{PATH}/{world.account}", moved | {"password": "seven lanterns by the canal"})
