"""The same key with the same body is one deed, however often and however simultaneously it is sent."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.core import idempotency
from app.core.errors import DeskError
from app.core.idempotency import IdempotencyKey
from app.strategies.models import Run, Strategy
from app.web.api import runs, strategies
from tests.web.conftest import PASSWORD
from tests.web.trading import Desk

LEG = {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "OTM2", "lots": 2}
PATH = "/api/v1/strategies"
KEY = {"Idempotency-Key": "abc-1"}


def wish(name="Strangle"):
    return {"name": name, "legs": [LEG]}


def keys(services):
    with services.db.read() as session:
        return session.scalars(select(IdempotencyKey)).all()


def test_the_first_answer_comes_again_with_its_status_and_address(bot, world, services):
    first = bot.call("POST", PATH, 201, json=wish(), headers=KEY)
    again = bot.call("POST", PATH, 201, json=wish(), headers=KEY)
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert world.desk.count(Strategy) == 2


def test_the_answer_is_that_of_then_not_of_now(bot, world):
    first = bot.post(PATH, wish(), 201, headers=KEY)
    bot.put(f"{PATH}/{first['id']}", wish("Renamed"))
    assert bot.post(PATH, wish(), 201, headers=KEY)["name"] == "Strangle"


def test_another_body_or_another_address_with_the_same_key_is_refused(bot, world):
    bot.post(PATH, wish(), 201, headers=KEY)
    other = bot.post(PATH, wish("Other"), 422, headers=KEY)
    assert set(other["error"]["fields"]) == {"Idempotency-Key"}
    bot.post(f"/api/v1/runs/{world.run}/exit", None, 422, headers=KEY)
    assert bot.get(f"/api/v1/runs/{world.run}")["exit_at"] is None


def test_keys_of_two_people_are_strangers(bot, world, invited, services):
    bot.post(PATH, wish(), 201, headers=KEY)
    birla = invited("trader", "Birla").client
    token = birla.get("/api/v1/me").json["csrf_token"]
    answer = birla.post(PATH, json=wish("Other"), headers={**KEY, "X-CSRFToken": token})
    assert answer.status_code == 201


def test_what_was_refused_is_not_kept(bot, world, services):
    bot.post(PATH, wish("Iron condor"), 422, headers=KEY)
    bot.post("/api/v1/runs", {"strategy_id": "nothing"}, 404, headers=KEY)
    assert keys(services) == []
    bot.post(PATH, wish(), 201, headers=KEY)


def test_after_a_fault_of_ours_the_key_is_free_again(bot, world, services, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(strategies, "one", lambda _: 1 / 0)
        bot.post(PATH, wish(), 500, headers=KEY)
    assert keys(services) == []


def test_answers_and_questions_are_not_readable_in_the_database(person, services):
    body = {"name": "bot", "scopes": ["read"], "password": PASSWORD}
    made = person.post("/api/v1/tokens", body, 201, headers=KEY)
    (row,) = keys(services)
    stored = " ".join(str(getattr(row, column.name)) for column in row.__table__.columns)
    assert made["secret"] not in stored
    assert PASSWORD not in stored
    assert person.post("/api/v1/tokens", body, 201, headers=KEY) == made
    assert len(person.get("/api/v1/tokens")["items"]) == 1


def test_a_day_later_it_still_comes_and_much_later_the_key_is_new(services, admin):
    db, now = services.db, services.clock.now()
    user_id = Desk(services).owner_id
    claim = idempotency.claim(db, user_id, "k", "f", now)
    idempotency.keep(db, claim.id, now, idempotency.Kept(201, None, "sealed"))
    assert idempotency.claim(db, user_id, "k", "f", now + timedelta(hours=24)).kept.status == 201
    assert idempotency.claim(db, user_id, "k", "other", now + timedelta(hours=48)).kept is None


def test_a_caller_who_died_in_the_middle_loses_the_key_after_a_minute(services, admin):
    db, now, user_id = services.db, services.clock.now(), Desk(services).owner_id
    idempotency.claim(db, user_id, "k", "f", now)
    with pytest.raises(DeskError, match="being worked on"):
        idempotency.claim(db, user_id, "k", "f", now + timedelta(seconds=59))
    assert idempotency.claim(db, user_id, "k", "f", now + timedelta(seconds=61)).kept is None
    with pytest.raises(DeskError, match="being worked on"):
        idempotency.claim(db, user_id, "k", "f", now + timedelta(seconds=62))


def test_of_two_at_once_one_acts_and_the_other_is_told_so(app, bot, world, monkeypatch):
    """The first is held inside its deed until the second has its answer."""
    inside, go_on = threading.Event(), threading.Event()
    real = strategies.one

    def slow(strategy_id):
        inside.set()
        assert go_on.wait(10)
        return real(strategy_id)

    monkeypatch.setattr(strategies, "one", slow)
    answers = []

    def send():
        answers.append(app.test_client().post(PATH, json=wish(), headers=bot.headers | KEY))

    thread = threading.Thread(target=send)
    thread.start()
    assert inside.wait(10)
    second = bot.post(PATH, wish(), 409, headers=KEY)
    go_on.set()
    thread.join()
    assert second["error"]["code"] == "IN_PROGRESS"
    assert answers[0].status_code == 201
    assert bot.post(PATH, wish(), 201, headers=KEY) == answers[0].json
    assert world.desk.count(Strategy) == 2


def test_eight_starts_at_once_are_one_run(app, bot, world):
    before, gate, answers = world.desk.count(Run), threading.Barrier(8), []

    def send():
        client = app.test_client()
        gate.wait(10)
        answers.append(client.post("/api/v1/runs", json={"strategy_id": world.strategy}, headers=bot.headers | KEY))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json["id"] for answer in answers if answer.status_code == 202}) == 1
    assert world.desk.count(Run) == before + 1


def test_a_crash_between_the_run_and_its_answer_still_gives_one_run(bot, world, services, monkeypatch):
    before = world.desk.count(Run)
    with monkeypatch.context() as broken:
        broken.setattr(runs, "run_shown", lambda _: 1 / 0)
        bot.post("/api/v1/runs", {"strategy_id": world.strategy}, 500, headers=KEY)
    bot.post("/api/v1/runs", {"strategy_id": world.strategy}, 202, headers=KEY)
    assert world.desk.count(Run) == before + 1
