"""The stream as it is served: gunicorn with gevent in a process of its own, the engine's end of the link held here."""

import os
import re
import sys

import httpx
import pytest

import config
from app import wiring
from app.core.link import open_link
from tests.migrated import migrate
from tests.servers import running
from tests.waiting import until
from tests.web.sse import opened
from tests.web.ws import connected

PASSWORD = "seven lanterns by the canal"


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/first-run", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def command(port: int) -> list[str]:
    serve = ["--config", "deploy/gunicorn.conf.py", "--bind", f"127.0.0.1:{port}", "--workers", "1", "wsgi:app"]
    return [sys.executable, "-m", "gunicorn", *serve]


@pytest.fixture
def engine_end(instance):
    """An empty database, and the engine's end of the link; "hello" says that a web process listens."""
    migrate(config.load().database_url)
    services = wiring.build(config.load())
    services.close()
    link = open_link("engine", services.settings.link_folder)
    link.heard = []
    link.listen(lambda kind, payload: link.heard.append((kind, payload)))
    yield link
    link.close()


@pytest.fixture
def port(engine_end, tmp_path, monkeypatch):
    monkeypatch.chdir(config.ROOT)
    assert os.environ["MIRRORDESK_INSTANCE"]
    with running(command, answers, tmp_path / "web.log") as port:
        yield port


def sign_up(port: int) -> str:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/first-run").text)[1]
        form = {"csrf_token": token, "name": "Asha", "password": PASSWORD}
        assert client.post("/first-run", data=form).status_code == 303
        return f"desk={client.cookies['desk']}"


def test_peer_4_3_07_what_the_engine_sends_reaches_each_open_page_of_its_owner(port, engine_end):
    cookie = sign_up(port)
    services = wiring.build(config.load())
    (owner,) = services.users.people.list()
    services.close()
    until(lambda: ("hello", {}) in engine_end.heard)
    with opened(port, Cookie=cookie) as one, opened(port, "/stream?watch=NSE:SBIN", Cookie=cookie) as other:
        for stream in (one, other):
            assert stream.hear().name == "tick"
            assert stream.hear().name == "beat"
        until(lambda: any(kind == "watch" and payload["symbols"] == ["NSE:SBIN"] for kind, payload in engine_end.heard))
        cells = {"pnl:day": {"v": "12.5", "k": "money", "c": "INR", "at": 1}}
        engine_end.send("tick", {"owner": owner.id, "cells": cells})
        engine_end.send("changed", {"owner": owner.id, "rooms": ["orders"]})
        for stream in (one, other):
            told = stream.hear_all("tick", "changed")
            assert told["tick"]["pnl:day"]["t"] == "▲\u00a0+₹12.50"
            assert told["changed"] == ["orders"]
        assert httpx.get(f"http://127.0.0.1:{port}/first-run", timeout=30).status_code in (200, 302, 303)
        tell_programs(port, cookie, owner.id, engine_end)


def tell_programs(port, cookie, owner_id, engine_end):
    """The same server, over WebSocket: told, wanted, not waited for, and ended by the sign-out."""
    with (
        connected(port, "/ws/v1/market", cookie=cookie) as market,
        connected(port, "/ws/broadcast", cookie=cookie) as asleep,
        connected(port, "/ws/broadcast", cookie=cookie) as everything,
    ):
        market.say("subscribe", symbols=["NSE:TCS"], mode="depth")
        market.hear("subscribed")
        until(lambda: any(said.get("mode") == "depth" and said["symbols"] for _, said in engine_end.heard))
        wide = {f"pnl:leg:{number}": {"v": str(number), "k": "money", "c": "INR", "at": 1} for number in range(20_000)}
        for step in range(5):
            price = {"v": f"30{step}0", "k": "price", "c": "INR", "at": step}
            engine_end.send("tick", {"owner": "*", "cells": {"ltp:NSE:TCS": price}})
            engine_end.send("tick", {"owner": owner_id, "cells": wide, "whole": True})
        while market.hear("tick")["prices"]["NSE:TCS"]["ltp"] != "3040":
            pass
        while "pnl:leg:19999" not in everything.hear("tick")["data"]:
            pass
        asleep.say("ping")
        assert asleep.hear("pong")["at"], "slow, and served whole"
        sign_out(port, cookie)
        assert {program.hear_the_end().code for program in (market, asleep, everything)} == {4401}


def sign_out(port, cookie):
    page = httpx.get(f"http://127.0.0.1:{port}/settings", headers={"Cookie": cookie}, timeout=30)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)[1]
    with_token = {"Cookie": f"desk={page.cookies.get('desk', cookie[5:])}"}
    answer = httpx.post(f"http://127.0.0.1:{port}/sign-out", data={"csrf_token": token}, headers=with_token, timeout=30)
    assert answer.status_code == 303
