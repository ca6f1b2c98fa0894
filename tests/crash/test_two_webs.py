"""Hurried people in front of two web processes: whatever is pressed twice, in whichever process, happens once."""

import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.signals.draft import Draft
from app.users.api_tokens import TokenWish
from tests.crash.engines import World, world
from tests.crash.proof import assert_over
from tests.crash.walk import HEDGED, ONE_BROKER
from tests.crash.watching import Watched
from tests.engine.desks import PASSWORD
from tests.engine.proving import orders_of
from tests.servers import postgres_database, running
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
Json = dict[str, Any]
PRESSES = 8


class Webs:
    """Two web processes over one desk; a caller for each, of a person or of a program."""

    def __init__(self, made: World, ports: list[int]) -> None:
        self.world = made
        self._ports = ports
        self.strategy_id = made.desk.strategy(HEDGED, "pressed twice")
        wish = TokenWish("bot", ["read", "trade"], [])
        _, secret = made.desk.services.users.keyring.create_token(made.desk.owner_id, wish)
        self.programs = [self._client(port, {"Authorization": f"Bearer {secret}"}) for port in ports]
        self.people: list[httpx.Client] = []

    def sign_in(self) -> None:
        """One person at two browsers, each of which is served by another process."""
        for port in self._ports:
            client = self._client(port, {})
            self.people.append(client)
            form = sealed(client, "/sign-in") | {"name": "trader", "password": PASSWORD}
            assert client.post("/sign-in", data=form).status_code == 303

    def close(self) -> None:
        for client in (*self.programs, *self.people):
            client.close()

    @staticmethod
    def _client(port: int, headers: dict[str, str]) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20, trust_env=False)


def sealed(client: httpx.Client, path: str) -> Json:
    """The token against forged forms that stands on a page, for this browser."""
    return {"csrf_token": re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(path).text)[1]}


def pressed(clients: list[httpx.Client], press: Callable[[httpx.Client], httpx.Response]) -> list[httpx.Response]:
    """At the same moment, again and again, in both processes."""
    with ThreadPoolExecutor(PRESSES) as hands:
        return list(hands.map(press, clients * (PRESSES // len(clients))))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def webs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webs]:
    folder = tmp_path_factory.mktemp("webs")
    with ExitStack() as stack:
        url = ""
        if request.param == "postgres":
            url = stack.enter_context(postgres_database(request.getfixturevalue("_postgres_port")))
        made = stack.enter_context(world(folder, url, ONE_BROKER))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("MIRRORDESK_INSTANCE", str(folder))
        patch.setenv("MIRRORDESK_RATE_LIMITS", "no")
        if url:
            patch.setenv("DATABASE_URL", url)
        ports = [stack.enter_context(running(serve, answers, folder / f"web-{n}.log")) for n in (1, 2)]
        opened = Webs(made, ports)
        stack.callback(opened.close)
        yield opened


def serve(port: int) -> list[str]:
    program = "import sys; from app.cli import main; sys.exit(main())"
    return [sys.executable, "-c", program, "web", "--port", str(port)]


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/sign-in", timeout=2, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def the_only_run(webs: Webs, known: set[str]) -> Watched:
    desk = webs.world.desk
    (run,) = [run for run in desk.services.strategies.runs(desk.owner_id) if run.id not in known]
    return Watched(webs.world, run.id)


def runs_of(webs: Webs) -> set[str]:
    desk = webs.world.desk
    return {run.id for run in desk.services.strategies.runs(desk.owner_id)}


def entered_and_left_once(webs: Webs, watched: Watched) -> None:
    assert_over(webs.world, watched.run_id)
    orders = orders_of(webs.world.desk, watched.run_id)
    assert [order.purpose for order in orders].count("entry") == 4
    assert [order.purpose for order in orders].count("exit") == 4


def test_one_key_sent_to_two_processes_at_once_is_one_run_and_one_exit(webs: Webs) -> None:
    known = runs_of(webs)
    body, headers = {"strategy_id": webs.strategy_id}, {"Idempotency-Key": "hurried"}
    given = pressed(webs.programs, lambda web: web.post("/api/v1/runs", json=body, headers=headers))
    assert {answer.status_code for answer in given} <= {202, 409}, [answer.text for answer in given]
    assert 202 in {answer.status_code for answer in given}
    watched = the_only_run(webs, known)
    watched.until(watched.is_steady)
    path = f"/api/v1/runs/{watched.run_id}/exit"
    left = pressed(webs.programs, lambda web: web.post(path, headers={"Idempotency-Key": "out"}))
    assert {answer.status_code for answer in left} <= {202, 409}, [answer.text for answer in left]
    watched.until(watched.is_over)
    entered_and_left_once(webs, watched)


def test_a_webhook_sent_twice_to_two_processes_is_one_run_and_one_exit(webs: Webs) -> None:
    known, desk = runs_of(webs), webs.world.desk
    webhook_id, secret = desk.services.signals.create(
        desk.owner_id, Draft(name="A chart", strategy_id=webs.strategy_id)
    )
    for action, is_there in (("enter", Watched.is_steady), ("exit", Watched.is_over)):
        message = {"secret": secret, "action": action, "id": f"{action} at 09:20"}
        given = pressed(webs.programs, partial(knock, path=f"/hooks/{webhook_id}", message=message))
        assert {answer.status_code for answer in given} == {202}, [answer.text for answer in given]
        assert len({answer.json()["id"] for answer in given}) == 1
        until(lambda: desk.services.signals.signals(desk.owner_id)[0].state == "executed", 20)
        watched = the_only_run(webs, known)
        watched.until(partial(is_there, watched))
    assert [signal.repeats for signal in desk.services.signals.signals(desk.owner_id)] == [PRESSES - 1] * 2
    entered_and_left_once(webs, watched)


def knock(web: httpx.Client, path: str, message: Json) -> httpx.Response:
    return web.post(path, json=message)


def test_a_form_sent_twice_from_two_tabs_is_one_run_and_one_exit(webs: Webs) -> None:
    known = runs_of(webs)
    webs.sign_in()
    page = f"/strategies/{webs.strategy_id}"
    asked = webs.people[0].post(f"{page}/preview", data=sealed(webs.people[0], "/strategies"))
    shown = asked.headers["Location"]
    until(lambda: 'name="intent_id"' in webs.people[1].get(shown).text, 20)
    forms = {web: sealed(web, shown) | {"intent_id": Path(shown).name} for web in webs.people}
    given = pressed(webs.people, lambda web: web.post(f"{page}/run", data=forms[web]))
    assert {answer.status_code for answer in given} == {303}, [answer.text for answer in given]
    assert len({answer.headers["Location"] for answer in given}) == 1
    watched = the_only_run(webs, known)
    watched.until(watched.is_steady)
    out = f"/runs/{watched.run_id}/exit"
    forms = {web: sealed(web, out) for web in webs.people}
    left = pressed(webs.people, lambda web: web.post(out, data=forms[web]))
    assert {answer.status_code for answer in left} == {303}, [answer.text for answer in left]
    watched.until(watched.is_over)
    entered_and_left_once(webs, watched)
