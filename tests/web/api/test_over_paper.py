"""A whole run by a program alone: connect, test, save, preview, start, look, exit, against paper brokers."""

import pytest

from app.users.api_tokens import TokenWish
from app.web import create_app
from app.wiring import build
from tests.engine.desks import IRON_FLY, desk
from tests.waiting import until
from tests.web.api.conftest import Caller


@pytest.fixture
def whole(tmp_path):
    with desk(tmp_path / "instance", brokers=("alpha", "beta"), rate_limits=False) as made:
        yield made


@pytest.fixture
def bot(whole):
    """Calls a web of its own, which knows the engine by the database and the link alone."""
    services = build(whole.settings, "web")
    _, secret = services.users.keyring.create_token(whole.owner_id, TokenWish("bot", ["read", "trade", "manage"], []))
    yield Caller(create_app(services).test_client(), {"Authorization": f"Bearer {secret}"})
    services.close()


def done(bot, errand):
    """The errand with its answer."""
    return until(lambda: (one := bot.get(f"/api/v1/errands/{errand['id']}"))["done_at"] and one, 60)


@pytest.mark.slow
def test_a_program_runs_and_exits_a_strategy_and_every_book_agrees(whole, bot):
    accounts = bot.get("/api/v1/accounts")["items"]
    test = bot.post(f"/api/v1/accounts/{accounts[0]['id']}/test", None, 202)
    assert done(bot, test)["error"] is None
    shares = [{"account_id": one["id"]} for one in accounts]
    wish = {"name": "Iron fly", "legs": [leg | {"exchange": "NFO"} for leg in IRON_FLY], "accounts": shares}
    strategy = bot.post("/api/v1/strategies", wish, 201)
    preview = done(bot, bot.call("POST", f"/api/v1/strategies/{strategy['id']}/preview").json)
    assert [one["trouble"] for one in preview["answer"]["accounts"]] == ["", ""]
    run = bot.post("/api/v1/runs", {"strategy_id": strategy["id"]}, 202, headers={"Idempotency-Key": "once"})
    assert bot.post("/api/v1/runs", {"strategy_id": strategy["id"]}, 202, headers={"Idempotency-Key": "once"}) == run
    path = f"/api/v1/runs/{run['id']}"
    until(lambda: bot.get(path)["state"] == "open", 60)
    held = [leg["held"] for part in bot.get(path)["parts"] for leg in part["legs"]]
    assert len(held) == 8
    assert all(int(one) > 0 for one in held)
    assert len(bot.get("/api/v1/positions")["items"]) == 8
    bot.post(f"{path}/exit", None, 202)
    until(lambda: bot.get(path)["state"] == "closed", 60)
    assert {leg["held"] for part in bot.get(path)["parts"] for leg in part["legs"]} == {"0"}
    assert len(bot.get("/api/v1/journal/orders?status=filled")["items"]) == 16
    whole.assert_books_agree()
