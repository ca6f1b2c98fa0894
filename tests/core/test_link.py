"""Hints between the web and the engine, over every way they may go."""

import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
import redis
import structlog
import zmq

from app.core import link as link_module
from app.core.link import RedisLink, SilentLink, ZmqLink, desk_name, open_link
from tests.servers import free_port
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "sqlite:////somewhere/desk.db"


class Line:
    """Opens links of one desk and closes them all at the end."""

    def __init__(self, folder: Path, redis_url: str = "") -> None:
        self.folder, self.redis_url = folder, redis_url
        self.opened = []

    def open(self, role: str, heard: list | None = None):
        link = open_link(role, self.folder, self.redis_url, DATABASE)
        self.opened.append(link)
        if heard is not None:
            link.listen(lambda kind, payload: heard.append((kind, payload)))
        return link

    def close(self, link) -> None:
        self.opened.remove(link)
        link.close()

    def close_all(self) -> None:
        for link in self.opened:
            link.close()


@pytest.fixture(params=["file", "port", "redis"])
def line(request, tmp_path):
    deep = "/".join(["a long way down"] * 7) if request.param == "port" else "link"
    url = request.getfixturevalue("redis_server") if request.param == "redis" else ""
    made = Line(tmp_path / deep, url)
    yield made
    made.close_all()


@pytest.fixture
def keep():
    """Closes after the test the links that it is given."""
    with ExitStack() as stack:
        yield lambda link: stack.enter_context(closing(link))


@pytest.fixture
def new_line():
    """A line over a folder, closed after the test."""
    with ExitStack() as stack:

        def made(folder: Path) -> Line:
            line = Line(folder)
            stack.callback(line.close_all)
            return line

        yield made


@contextmanager
def started(command: list[str], **options) -> Iterator[subprocess.Popen]:
    """A program that ends with the block, whatever comes: to wait for it alone could take for ever."""
    with subprocess.Popen(command, cwd=ROOT, **options) as program:
        try:
            yield program
        finally:
            program.kill()


def said(link, kind: str, heard: list) -> bool:
    """Say it until it is heard: what is said before the two have met is lost, as promised."""
    number = len(heard)
    link.send(kind, {"number": number})
    return any(each[0] == kind for each in heard)


def meet(sender, kind: str, heard: list) -> None:
    until(lambda: said(sender, kind, heard), every=0.05)


# -- What every way promises


def test_an_event_reaches_every_web_and_a_nudge_the_engine(line):
    nudges, first, second = [], [], []
    engine = line.open("engine", nudges)
    webs = [line.open("web", first), line.open("web", second)]
    meet(engine, "hello", first)
    meet(engine, "hello", second)
    for web in webs:
        meet(web, f"nudge {id(web)}", nudges)
    engine.send("order", {"id": "01", "price": "320.50", "legs": [1, 2]})
    for heard in (first, second):
        until(lambda heard=heard: ("order", {"id": "01", "price": "320.50", "legs": [1, 2]}) in heard)


def test_messages_keep_their_order(line, monkeypatch):
    monkeypatch.setattr(link_module, "KEPT_FOR", 60.0)
    heard = []
    engine = line.open("engine")
    line.open("web", heard)
    meet(engine, "hello", heard)
    for number in range(500):
        engine.send("tick", {"n": number})
    until(lambda: ("tick", {"n": 499}) in heard)
    assert [payload["n"] for kind, payload in heard if kind == "tick"] == list(range(500))


def test_the_web_may_start_first(line):
    events, nudges = [], []
    web = line.open("web", events)
    web.send("nudge", {"lost": True})
    engine = line.open("engine", nudges)
    meet(engine, "hello", events)
    meet(web, "nudge", nudges)


def test_a_nudge_that_is_a_moment_early_is_heard(new_line, tmp_path, monkeypatch):
    monkeypatch.setattr(link_module, "KEPT_FOR", 60.0)
    line, nudges = new_line(tmp_path / "link"), []
    line.open("web").send("early", {})
    line.open("engine", nudges)
    until(lambda: nudges == [("early", {})])


def test_a_nudge_that_comes_too_late_is_dropped(new_line, tmp_path, monkeypatch):
    monkeypatch.setattr(link_module, "KEPT_FOR", 0.0)
    line, nudges = new_line(tmp_path / "link"), []
    web = line.open("web")
    web.send("late", {})
    until(lambda: not web._outbox._waiting)
    monkeypatch.undo()
    line.open("engine", nudges)
    meet(web, "present", nudges)
    assert "late" not in [kind for kind, _ in nudges]


def test_the_engine_may_go_and_come_back(line):
    events, nudges = [], []
    engine = line.open("engine", nudges)
    web = line.open("web", events)
    meet(engine, "first life", events)
    line.close(engine)
    web.send("nudge", {"to": "nobody"})
    again: list = []
    engine = line.open("engine", again)
    meet(engine, "second life", events)
    meet(web, "nudge", again)


def test_saying_something_to_nobody_neither_waits_nor_grows_without_end(line):
    web, engine = line.open("web"), line.open("engine")
    for number in range(link_module.QUEUE_LIMIT + 5000):
        web.send("nudge", {"n": number})
        engine.send("tick", {"n": number})
    until(lambda: not web._outbox._waiting and not engine._outbox._waiting)


def test_a_handler_that_fails_hears_the_next_message_too(line):
    heard, failed = [], []
    engine, web = line.open("engine"), line.open("web")

    def handler(kind, payload):
        if kind == "bad":
            failed.append(payload["missing"])
        heard.append((kind, payload))

    web.listen(handler)
    meet(engine, "hello", heard)
    with structlog.testing.capture_logs() as logged:
        engine.send("bad", {})
        meet(engine, "good", heard)
    assert [entry["event"] for entry in logged] == ["link_handler_failed"]


def test_closing_ends_the_threads_and_can_be_followed_by_a_new_start(line):
    before = set(threading.enumerate())
    for _ in range(3):
        links = [line.open(role, []) for role in ("engine", "web")]
        for link in links:
            line.close(link)
    assert not [thread for thread in set(threading.enumerate()) - before if thread.is_alive()]


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\x00", b"{}", b"5", b"[]", b'["kind"]', b'["kind", 5]', b'[5, {}]', b'["a", {}, 1]', b"null"]
)  # fmt: skip
def test_garbage_is_counted_in_the_log_and_goes_no_further(raw):
    heard = []
    with structlog.testing.capture_logs() as logged:
        link_module._deliver(raw, lambda *message: heard.append(message))
    assert heard == []
    assert [(entry["event"], entry["size"]) for entry in logged] == [("link_garbage", len(raw))]


# -- ZeroMQ


def test_socket_files_are_their_owners_alone(new_line, tmp_path):
    line, nudges, events = new_line(tmp_path / "link"), [], []
    engine, web = line.open("engine", nudges), line.open("web", events)
    meet(engine, "hello", events)
    meet(web, "nudge", nudges)
    assert stat.S_IMODE((tmp_path / "link").stat().st_mode) == 0o700
    for name in ("up", "down"):
        found = (tmp_path / "link" / name).stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o600


def test_a_port_is_noted_and_its_keys_kept_for_their_owner_alone(new_line, tmp_path):
    folder = tmp_path / ("x" * 120)
    line, nudges, events = new_line(folder), [], []
    engine, web = line.open("engine", nudges), line.open("web", events)
    meet(engine, "hello", events)
    meet(web, "nudge", nudges)
    for name in ("up.port", "down.port", "curve.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert not (folder / "up").exists()


def test_without_the_key_nothing_is_heard_and_nothing_is_taken_at_the_port(new_line, tmp_path):
    folder, events, nudges = tmp_path / ("x" * 120), [], []
    line = new_line(folder)
    engine, web = line.open("engine", nudges), line.open("web", events)
    meet(engine, "hello", events)
    meet(web, "early", nudges)
    with zmq.Context() as context, context.socket(zmq.SUB) as spy, context.socket(zmq.PUSH) as forger:
        for socket, direction in ((spy, "up"), (forger, "down")):
            socket.linger = 0
            socket.connect(f"tcp://127.0.0.1:{(folder / f'{direction}.port').read_text()}")
        spy.subscribe(b"")
        forger.send(b'["forged", {}]')
        for _ in range(20):
            meet(web, "nudge", nudges)
            engine.send("tick", {})
        assert spy.poll(300) == 0
    assert "forged" not in [kind for kind, _ in nudges]


def test_a_second_engine_takes_the_place_only_when_the_first_is_gone(new_line, tmp_path):
    line = new_line(tmp_path / "link")
    events, first_nudges, second_nudges = [], [], []
    first = line.open("engine", first_nudges)
    web = line.open("web", events)
    meet(first, "first", events)
    second = line.open("engine", second_nudges)
    meet(web, "nudge", first_nudges)
    late: list = []
    line.open("web", late)
    meet(first, "first", late)
    assert second_nudges == []
    line.close(first)
    meet(second, "second", events)
    meet(second, "second", late)
    meet(web, "nudge", second_nudges)


ENGINE = """
import sys, time
from pathlib import Path
from app.core.link import open_link
link = open_link("engine", Path(sys.argv[1]))
link.listen(lambda kind, payload: print("heard", kind, flush=True))
while True:
    link.send("from", {"name": sys.argv[2]})
    time.sleep(0.05)
"""


def wait_until_it_hears(engine: subprocess.Popen, web) -> None:
    heard = threading.Event()
    threading.Thread(target=lambda: (engine.stdout.readline(), heard.set()), daemon=True).start()
    until(lambda: (web.send("nudge", {}), heard.is_set())[1], every=0.05)


@pytest.mark.parametrize("folder", ["link", "x" * 120], ids=["file", "port"])
def test_a_killed_engine_leaves_the_place_to_the_next(new_line, tmp_path, folder):
    events = []
    web = new_line(tmp_path / folder).open("web", events)
    for name in ("first", "second"):
        command = [sys.executable, "-c", ENGINE, str(tmp_path / folder), name]
        with started(command, stdout=subprocess.PIPE, text=True) as engine:
            until(lambda name=name: ("from", {"name": name}) in events, timeout=90)
            wait_until_it_hears(engine, web)
            engine.send_signal(signal.SIGKILL)


GREEN = """
from gevent import monkey
monkey.patch_all()
import sys, time
from pathlib import Path
import gevent
from app.core.link import open_link
heard, turns = [], []
web = open_link("web", Path(sys.argv[1]), sys.argv[2], "sqlite:////somewhere/desk.db")
web.listen(lambda kind, payload: heard.append(kind))
def turn():
    while True:
        turns.append(time.monotonic())
        gevent.sleep(0.005)
gevent.spawn(turn)
deadline = time.monotonic() + 60
while len(heard) < 20 and time.monotonic() < deadline:
    web.send("nudge", {})
    gevent.sleep(0.02)
longest = max(later - earlier for earlier, later in zip(turns, turns[1:]))
web.close()
print(len(heard) >= 20, len(turns) > 10, longest, flush=True)
"""


def test_under_gevent_the_other_greenlets_go_on(line):
    nudges: list = []
    engine = line.open("engine", nudges)
    command = [sys.executable, "-c", GREEN, str(line.folder), line.redis_url]
    with started(command, stdout=subprocess.PIPE, text=True) as web:
        until(lambda: (engine.send("tick", {}), web.poll() is not None)[1], timeout=150, every=0.02)
        answer = web.stdout.read().split()
    assert answer[:2] == ["True", "True"], answer
    assert float(answer[2]) < 2, "a greenlet waited while the link did"
    until(lambda: nudges)


# -- Redis


def test_over_redis_two_desks_hear_only_themselves(redis_server, keep):
    heard = {"one": [], "two": []}
    for name, messages in heard.items():
        web = keep(RedisLink("web", redis_server, desk_name(f"postgresql://db/{name}")))
        web.listen(lambda kind, payload, messages=messages: messages.append((kind, payload)))
    engine = keep(RedisLink("engine", redis_server, desk_name("postgresql://desk:secret@db/one")))
    meet(engine, "hello", heard["one"])
    assert heard["two"] == []


def test_the_name_of_a_desk_holds_no_password_and_ignores_who_asks():
    one = desk_name("postgresql+psycopg://web:secret@db:5432/desk")
    assert one == desk_name("postgresql+psycopg://engine:other@db:5432/desk")
    assert one != desk_name("postgresql+psycopg://web:secret@db:5432/other")
    assert "secret" not in one


def test_garbage_on_redis_is_survived(redis_server, keep):
    heard = []
    web = keep(RedisLink("web", redis_server, "desk"))
    web.listen(lambda kind, payload: heard.append((kind, payload)))
    engine = keep(RedisLink("engine", redis_server, "desk"))
    meet(engine, "hello", heard)
    with redis.Redis.from_url(redis_server) as stranger:
        stranger.publish("mirrordesk:desk:up", b"\xff nonsense")
    meet(engine, "after", heard)


def test_a_redis_that_is_away_is_said_once_and_found_again(redis_server, keep, tmp_path):
    port, heard = free_port(), []
    with structlog.testing.capture_logs() as logged:
        web = keep(RedisLink("web", f"redis://127.0.0.1:{port}/0", "desk"))
        web.listen(lambda kind, payload: heard.append((kind, payload)))
        engine = keep(RedisLink("engine", f"redis://127.0.0.1:{port}/0", "desk"))
        for _ in range(50):
            engine.send("tick", {})
        until(lambda: len([entry for entry in logged if entry["event"] == "link_unreachable"]) == 2)
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
        with started(command, stdout=subprocess.DEVNULL), closing(web), closing(engine):
            meet(engine, "back", heard)
    assert len([entry for entry in logged if entry["event"] == "link_unreachable"]) == 2


def test_a_silent_link_takes_everything_and_says_nothing():
    link = SilentLink()
    link.listen(lambda kind, payload: None)
    link.send("nudge", {})
    link.close()


def test_zeromq_is_the_default(tmp_path):
    with closing(open_link("web", tmp_path / "link")) as link:
        assert isinstance(link, ZmqLink)
