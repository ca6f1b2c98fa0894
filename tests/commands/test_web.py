"""The web as a process: gunicorn with gevent, as the launcher and a service manager start it."""

import re
import sys
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest

from app.commands.setup import services_of
from app.core.link import open_link
from app.users.door import Visitor
from app.users.models import User
from app.web import create_app
from app.web.identity import SID
from config import load
from tests.commands.running import command, running, sign_in
from tests.servers import free_port
from tests.waiting import until
from tests.web.sse import opened

READY = "The web is ready."
STREAMS, PAGES_EACH = 400, 5
PATIENCE = 30.0  # seconds that a page may take on a busy machine


@pytest.fixture
def owner(desk) -> str:
    with services_of(load()) as services:
        return services.users.door.found("asha", "seven lanterns by the canal", Visitor("127.0.0.1", "tests")).user.id


@pytest.fixture
def web(owner, tmp_path, request):
    port, workers = free_port(), str(getattr(request, "param", 1))
    with running(tmp_path, "web", "--port", str(port), "--workers", workers, says=READY) as process:
        process.address = f"http://127.0.0.1:{port}"
        process.port = port
        yield process


def test_it_serves_pages_and_files_and_ends_when_told(web):
    with httpx.Client(base_url=web.address, timeout=PATIENCE) as client:
        page = client.get("/sign-in")
        assert page.status_code == 200
        files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert files
        assert {client.get(path).status_code for path in files} == {200}
    assert web.end() == 0
    assert web.output == f"{READY}\n"


def test_a_one_time_link_of_the_command_line_opens_the_desk(web):
    with httpx.Client(base_url=web.address, timeout=PATIENCE) as client:
        sign_in(client, "asha")
        assert client.get("/").status_code == 200


def test_a_link_for_nobody_is_refused_with_a_sentence(desk):
    done = command("sign-in-link", "nobody")
    assert done.returncode == 1
    assert done.stderr.startswith("Mirrordesk: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("web", [2], indirect=True)
def test_two_workers_share_a_session_and_both_hear_the_engine(web, owner):
    link = open_link("engine", load().link_folder)
    with httpx.Client(base_url=web.address, timeout=PATIENCE) as client, ExitStack() as open_pages:
        sign_in(client, "asha")
        asked = {"cookies": client.cookies, "timeout": PATIENCE}
        pages = [httpx.get(f"{web.address}/", **asked).status_code for _ in range(20)]
        assert set(pages) == {200}
        cookie = f"desk={client.cookies['desk']}"
        streams = [open_pages.enter_context(opened(web.port, Cookie=cookie)) for _ in range(6)]
        cells = {"pnl:day": {"v": "12.5", "k": "money", "c": "INR", "at": 1}}
        heard = [False] * len(streams)

        def hear(number: int) -> None:
            while "pnl:day" not in (streams[number].hear_until("tick").data or {}):
                pass
            heard[number] = True

        listeners = [threading.Thread(target=hear, args=(number,), daemon=True) for number in range(len(streams))]
        for listener in listeners:
            listener.start()
        until(lambda: (link.send("tick", {"owner": owner, "cells": cells}), all(heard))[1], every=0.1)
    link.close()
    assert web.end() == 0


@pytest.fixture
def many_cookies(desk) -> list[str]:
    """Of as many people as it takes, at a few pages each."""
    with services_of(load()) as services:
        app = create_app(services)
        signed = app.session_interface.get_signing_serializer(app)
        cookies = []
        for number in range(STREAMS // PAGES_EACH):
            with services.db.write() as session:
                user = User(name=f"u{number}", name_key=f"u{number}", password_hash="", role="trader")
                user.created_at = user.password_changed_at = services.clock.now()
                session.add(user)
                session.flush()
                secret = services.users.sessions.open(session, user.id, "127.0.0.1", "tests")
            cookies += [f"desk={signed.dumps({SID: secret})}"] * PAGES_EACH
    return cookies


def test_many_open_streams_hold_up_no_page_and_no_end(web, many_cookies, capsys):
    with httpx.Client(base_url=web.address, timeout=PATIENCE) as client, ExitStack() as open_pages:
        sign_in(client, "asha")
        pages = (opened(web.port, Cookie=cookie) for cookie in many_cookies)
        streams = [open_pages.enter_context(page) for page in pages]
        assert [stream.status for stream in streams] == [200] * STREAMS
        slowest = max(_milliseconds(client) for _ in range(20))
        with capsys.disabled():
            sys.stdout.write(f"\nthe slowest of 20 pages beside {STREAMS} open streams: {slowest:.0f} ms\n")
        assert web.end() == 0


def _milliseconds(client: httpx.Client) -> float:
    started = time.monotonic()
    assert client.get("/").status_code == 200
    return (time.monotonic() - started) * 1000


def test_a_nudge_of_a_page_reaches_the_engine_at_once(web, owner):
    heard: list[tuple[str, dict]] = []
    link = open_link("engine", load().link_folder)
    link.listen(lambda kind, payload: heard.append((kind, payload)))
    with httpx.Client(base_url=web.address, timeout=PATIENCE) as client:
        sign_in(client, "asha")
        with opened(web.port, "/stream?watch=NSE:SBIN", Cookie=f"desk={client.cookies['desk']}"):
            until(lambda: [one for kind, one in heard if kind == "watch" and one["symbols"] == ["NSE:SBIN"]])
    link.close()


def test_the_log_names_pages_and_no_secret(web, desk):
    with httpx.Client(base_url=web.address, timeout=PATIENCE) as client:
        sign_in(client, "asha")
        secret = client.cookies["desk"]
    log = (desk / "logs" / "web.jsonl").read_text()
    assert '"path": "/enter/' not in log or "/enter/<token>" in log
    assert secret not in log
    assert str(datetime.now(UTC).year) in log
