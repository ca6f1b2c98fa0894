"""Signals in the browser, over the API and at the door itself: made, sent to, paused, replaced, deleted."""

import json
from datetime import UTC, datetime

import pytest

from app.signals.proof import HEADER, sign
from tests.web.api.conftest import session_of
from tests.web.conftest import PASSWORD
from tests.web.trading import Desk


@pytest.fixture
def desk(admin, services) -> Desk:
    return Desk(services)


@pytest.fixture
def strategy(desk) -> str:
    return desk.strategy(desk.account("Zerodha main"), name="Iron condor")


@pytest.fixture
def webhook(desk, strategy) -> tuple[str, str]:
    return desk.webhook(strategy)


def knock(app, webhook_id: str, body: object, headers: dict | None = None):
    """As a program elsewhere: no cookie, no token."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return app.test_client().post(f"/hooks/{webhook_id}", data=data, headers=headers)


def test_a_webhook_is_made_in_the_browser_and_its_secret_stands_there_once(app, admin, services, desk, strategy):
    page = admin.submit(
        "/signals/new",
        status=200,
        name="RSI turns",
        strategy_id=strategy,
        most_entries="3",
        silent_action="",
        password=PASSWORD,
    )
    secret = page.text.partition("mdw_")[2].partition("<")[0]
    (made,) = services.signals.list(desk.owner_id)
    assert (made.name, made.most_entries, made.strategy_id) == ("RSI turns", 3, strategy)
    assert f"/hooks/{made.id}" in page.text
    assert "Iron condor" in admin.get("/signals").text
    assert f"mdw_{secret}" not in admin.get(f"/signals/webhooks/{made.id}").text
    answer = knock(app, made.id, {"secret": f"mdw_{secret}", "action": "exit", "id": "1"})
    assert (answer.status_code, answer.json["state"], answer.json["repeats"]) == (202, "received", 0)
    again = knock(app, made.id, {"secret": f"mdw_{secret}", "action": "exit", "id": "1"})
    assert (again.json["id"], again.json["repeats"]) == (answer.json["id"], 1)
    listed = admin.get("/signals").text
    assert "Received" in listed
    assert secret not in admin.get(f"/signals/{answer.json['id']}").text


def test_the_form_says_what_is_wrong_beside_each_field_and_makes_nothing(admin, services, desk, strategy):
    page = admin.submit(
        "/signals/new", status=422, name="x" * 61, strategy_id="", most_entries="-1", silent_action="",
        allowed_ips="here, 10.0.0.0/8", password=PASSWORD,
    ).text  # fmt: skip
    assert page.count('aria-invalid="true"') == 4
    assert "here is neither an address nor a network" in page.replace("Here", "here")
    assert (
        "That is not your password"
        in admin.submit(
            "/signals/new",
            status=422,
            name="A",
            strategy_id=strategy,
            silent_action="",
            most_entries="1",
            password="nope",
        ).text
    )
    assert services.signals.list(desk.owner_id) == []


def test_a_signed_message_is_taken_and_one_that_is_not_proven_is_told_nothing(app, webhook):
    webhook_id, secret = webhook
    body = b'{"action": "exit"}'
    header = {HEADER: sign(secret, datetime.now(UTC), body)}
    assert knock(app, webhook_id, body, header).status_code == 202
    answers = {
        knock(app, *wrong).text.partition('"id"')[0]
        for wrong in ((webhook_id, {}), (webhook_id, b"x"), ("01NOBODY", {}), (webhook_id, b"{}", {HEADER: "t=1"}))
    }
    assert len(answers) == 1
    assert "AUTH_FAILED" in answers.pop()


@pytest.mark.parametrize(
    ("message", "field"), [({"action": "buy"}, ""), ({"id": [1], "action": "exit"}, "id"), ({}, "")]
)
def test_what_is_not_clear_is_refused_with_the_reason(app, webhook, message, field):
    webhook_id, secret = webhook
    answer = knock(app, webhook_id, message | {"secret": secret})
    assert answer.status_code == (422 if field else 409)
    assert field in answer.json["error"].get("fields", "")
    assert secret not in answer.text


def test_a_body_that_is_too_long_is_refused_before_it_is_read(app, webhook):
    assert knock(app, webhook[0], b"x" * 20_000).status_code == 413


def test_a_test_is_sent_from_the_page_and_does_nothing(admin, services, desk, webhook):
    webhook_id, _ = webhook
    admin.submit(f"/signals/webhooks/{webhook_id}/test", f"/signals/webhooks/{webhook_id}")
    (signal,) = services.signals.signals(desk.owner_id)
    assert signal.state == "tested"
    assert "Nothing was done" in admin.get(f"/signals/webhooks/{webhook_id}").text


def test_it_is_edited_paused_and_resumed_and_an_older_page_overwrites_nothing(admin, services, desk, strategy, webhook):
    webhook_id, _ = webhook
    path = f"/signals/webhooks/{webhook_id}"
    typed = {"name": "Renamed", "strategy_id": strategy, "most_entries": "7", "silent_action": "exit"}
    admin.submit(f"{path}/edit", version="1", **typed)
    assert "Renamed" in admin.get(path).text
    assert "changed meanwhile" in admin.submit(f"{path}/edit", status=409, version="1", **typed).text
    admin.submit(f"{path}/pause", path)
    assert "Paused" in admin.get("/signals").text
    admin.submit(f"{path}/resume", path)
    row = services.signals.get(desk.owner_id, webhook_id)
    assert (row.paused_at, row.most_entries, row.one_at_a_time) == (None, 7, False)


def test_a_new_secret_asks_for_the_password_and_ends_the_old_one(app, admin, webhook):
    webhook_id, old = webhook
    path = f"/signals/webhooks/{webhook_id}/rotate"
    assert "That is not your password" in admin.submit(path, status=422, password="nope").text
    fresh = "mdw_" + admin.submit(path, status=200, password=PASSWORD).text.partition("mdw_")[2].partition("<")[0]
    assert knock(app, webhook_id, {"secret": old, "action": "exit"}).status_code == 401
    assert knock(app, webhook_id, {"secret": fresh, "action": "exit"}).status_code == 202


def test_it_is_deleted_after_one_question(app, admin, services, desk, webhook):
    webhook_id, secret = webhook
    path = f"/signals/webhooks/{webhook_id}/delete"
    assert "stays on record" in admin.get(path).text
    admin.submit(path)
    assert services.signals.list(desk.owner_id) == []
    assert knock(app, webhook_id, {"secret": secret, "action": "exit"}).status_code == 401


def test_a_signal_of_ones_own_over_the_api_counts_once(admin, desk, webhook):
    api = session_of(admin)
    asked = {"webhook_id": webhook[0], "action": "enter", "id": "mine", "test": True}
    first = api.post("/api/v1/signals/process", asked, 202)
    assert first["state"] == "tested"
    assert api.post("/api/v1/signals/process", asked, 202)["repeats"] == 1
    assert [one["id"] for one in api.get("/api/v1/signals/active")["items"]] == [first["id"]]
    assert api.get(f"/api/v1/signals/{first['id']}")["webhook_id"] == webhook[0]
    assert api.get("/api/v1/webhooks")["items"][0]["name"] == "A chart"
    assert api.post(f"/api/v1/webhooks/{webhook[0]}/pause")["paused_at"]
    assert api.post("/api/v1/signals/process", asked | {"id": "next"}, 202)["reason"] == "The webhook is paused."
