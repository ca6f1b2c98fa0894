"""WebSockets over a real server in threads: who may connect, what each topic tells, and how they end."""

import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import product
from types import SimpleNamespace

import pytest
import websocket
from sqlalchemy import select, update

from app.accounts.states import TradingState
from app.execution.models import Order, OrderEvent
from app.risk.service import Asker
from app.risk.states import Extent, Kind
from app.users.api_tokens import TokenWish
from app.users.models import ApiToken
from app.web import socket_session
from app.web.live import MOST_STREAMS
from app.web.wire import MOST_FRAMES
from tests.waiting import until
from tests.web.sse import serving
from tests.web.trading import Desk
from tests.web.ws import connected

TOPICS = ("/ws/broadcast", "/ws/v1/market", "/ws/v1/trades", "/ws/v1/signals")


@pytest.fixture
def port(app):
    with serving(app) as port:
        yield port


@pytest.fixture
def hub(app):
    return app.extensions["live"].hub


@pytest.fixture
def asha(services, admin):
    """The admin as a program, and as a browser."""
    return person(services, admin, "Asha")


def person(services, browser, name):
    user = next(one for one in services.users.people.list() if one.name == name)
    _, secret = services.users.keyring.create_token(user.id, TokenWish("bot", ["read"], []))
    return SimpleNamespace(
        id=user.id,
        secret=secret,
        bearer={"header": [f"Authorization: Bearer {secret}"], "suppress_origin": True},
        cookie={"cookie": f"desk={browser.client.get_cookie('desk').value}"},
    )


def tick(hub, owner_id, **cells):
    told = {key.replace("__", ":"): cell(value) for key, value in cells.items()}
    hub.take("tick", {"owner": owner_id, "cells": told})


def cell(value, kind="money"):
    return {"v": value, "k": kind, "c": "INR", "at": 5}


def price(hub, symbol, value, **more):
    hub.take("tick", {"owner": "*", "cells": {f"ltp:{symbol}": cell(value, "price"), **more}})


def refused(port, path, **options):
    """The status and the error that answers instead of a WebSocket."""
    with pytest.raises(websocket.WebSocketBadStatusException) as failed, connected(port, path, **options):
        pass
    return failed.value.status_code, failed.value.resp_body.decode()


def test_each_topic_is_there_for_a_session_and_for_a_token_and_says_how_things_stand_first(port, asha):
    for path, way in product(TOPICS, (asha.cookie, asha.bearer)):
        with connected(port, path, **way) as program:
            assert program.hear()["type"] == "welcome"
            assert program.hear()["type"] == "snapshot"
            assert program.hear()["feed"]["state"]


def test_a_token_in_the_first_message_opens_it_and_nothing_is_told_before(port, asha):
    for path in TOPICS:
        with connected(port, path, suppress_origin=True) as program:
            program.say("auth", token=asha.secret)
            assert program.hear()["type"] == "welcome"
        for wrong in ({"token": "mdk_wrong"}, {"token": 7}, {}):
            with connected(port, path, suppress_origin=True) as program:
                program.say("auth", **wrong)
                assert program.hear_the_end().code == 4401


def test_who_says_nothing_is_not_waited_for_long(port, admin, monkeypatch):
    monkeypatch.setattr("app.web.websocket.AUTH_SECONDS", 0.1)
    with connected(port, "/ws/broadcast", suppress_origin=True) as program:
        assert program.hear_the_end().code == 4401


def test_signs_of_life_are_no_signing_in(port, admin, monkeypatch):
    monkeypatch.setattr("app.web.websocket.AUTH_SECONDS", 0.3)
    with connected(port, "/ws/v1/market", suppress_origin=True) as program, pinging(program) as is_gone:
        assert program.hear_the_end().code == 4401
        assert is_gone.wait(60), "neither before the goodbye nor after it is there time without end"


@contextmanager
def pinging(program):
    """Meanwhile it says again and again that it lives; tells whether the other side went before it had enough."""
    is_gone = threading.Event()

    def ping():
        try:
            for _ in range(500):
                time.sleep(0.05)
                program.wire.ping()
        except (OSError, websocket.WebSocketException):
            is_gone.set()

    thread = threading.Thread(target=ping, daemon=True)
    thread.start()
    yield is_gone
    thread.join()


def test_a_message_of_endless_empty_frames_is_ended_before_anybody_signed_in(port, admin):
    with connected(port, "/ws/v1/market", suppress_origin=True) as program:
        in_frames(program, '{"type": ', MOST_FRAMES + 1, is_whole=False)
        assert program.hear_the_end().code == 1009


def test_frames_are_counted_anew_for_each_message(port, asha):
    with connected(port, "/ws/v1/market", **asha.bearer) as program:
        for number in range(3):
            in_frames(program, f'{{"type": "ping", "ref": {number}}}', MOST_FRAMES - 300)
            assert program.hear("pong")["ref"] == number


def in_frames(program, text, frames, is_whole=True):
    """The text in the first, nothing in the others."""
    kinds = [websocket.ABNF.OPCODE_TEXT, *[websocket.ABNF.OPCODE_CONT] * (frames - 1)]
    for number, kind in enumerate(kinds, 1):
        frame = websocket.ABNF.create_frame("" if number > 1 else text, kind, int(is_whole and number == frames))
        program.wire.send_frame(frame)


def test_a_page_of_another_site_gets_in_with_nothing(port, asha):
    for path, way in product(TOPICS, (asha.cookie, {"header": asha.bearer["header"]}, {})):
        status, text = refused(port, path, origin="https://elsewhere.example", **way)
        assert (status, "ORIGIN_REFUSED" in text) == (403, True)
    status, _ = refused(port, TOPICS[0], suppress_origin=True, **asha.cookie)
    assert status == 403, "a browser that sends a cookie says which page connects"


def test_what_is_no_websocket_is_told_so(admin, stranger):
    for path in TOPICS:
        assert admin.client.get(path, headers={"Accept": "application/json"}).status_code == 426
        assert stranger.client.get(path, headers={"Accept": "application/json"}).status_code == 401


def test_a_wrong_token_in_the_header_is_answered_in_http(port, admin):
    status, text = refused(port, "/ws/v1/trades", header=["Authorization: Bearer mdk_wrong"], suppress_origin=True)
    assert (status, "INVALID_API_KEY" in text) == (403, True)


def test_a_token_without_the_scope_read_opens_nothing(port, services, asha):
    _, secret = services.users.keyring.create_token(asha.id, TokenWish("numbers", ["metrics"], []))
    with connected(port, "/ws/v1/market", suppress_origin=True) as program:
        program.say("auth", token=secret)
        assert program.hear_the_end().code == 4403


def test_everything_of_the_owner_is_broadcast_and_coming_back_brings_what_was_missed(port, hub, asha):
    tick(hub, asha.id, pnl__day="100")
    with connected(port, "/ws/broadcast", **asha.bearer) as program:
        snapshot = program.hear("snapshot")
        assert (snapshot["resumed"], snapshot["data"]["pnl:day"]["v"]) == (False, "100")
        tick(hub, asha.id, pnl__day="-5.5")
        told = program.hear("tick")
        assert (told["data"]["pnl:day"]["v"], bool(told["id"])) == ("-5.5", True)
        hub.take("changed", {"owner": asha.id, "rooms": ["orders"]})
        last = program.hear("changed")["id"]
    hub.take("notice", {"owner": asha.id, "level": "alarm", "text": "Look", "link": "/orders/1"})
    with connected(port, f"/ws/broadcast?last_id={last}", **asha.bearer) as program:
        assert program.hear("snapshot")["resumed"] is True
        assert program.hear("notice")["data"]["text"] == "Look"
    with connected(port, "/ws/broadcast?last_id=another-7", **asha.bearer) as program:
        assert program.hear("snapshot")["resumed"] is False
        assert program.hear("changed")["data"] is None


def test_two_programs_hear_the_same_in_the_same_order_and_nothing_while_nothing_changes(port, hub, asha):
    with connected(port, "/ws/broadcast", **asha.bearer) as one, connected(port, "/ws/broadcast", **asha.bearer) as two:
        one.hear("beat"), two.hear("beat")
        heard = []
        for number in range(5):
            hub.take("changed", {"owner": asha.id, "rooms": [f"order:{number}"]})
            heard.append([program.hear_news() for program in (one, two)])
        assert all(first == second for first, second in heard)
        assert [first["data"] for first, _ in heard] == [[f"order:{number}"] for number in range(5)]
        numbers = [first["seq"] for first, _ in heard]
        assert numbers == sorted(set(numbers))


def test_nobody_hears_of_anothers_desk_on_any_topic(port, hub, services, asha, invited):
    birla = person(services, invited("trader", "Birla"), "Birla")
    account = Desk(services).account("Zephyrine")
    for path in TOPICS:
        with connected(port, path, **birla.bearer) as program:
            first = program.hear("snapshot")
            tick(hub, asha.id, pnl__day="1", ltp__NSE__SBIN="980")
            hub.take("changed", {"owner": asha.id, "rooms": None})
            Desk(services).order(account)
            hub.take("notice", {"owner": asha.id, "level": "alarm", "text": "Zephyrine"})
            hub.take("changed", {"owner": birla.id, "rooms": ["orders", "runs"]})
            program.say("ping")
            heard = [first]
            while heard[-1]["type"] != "pong":
                heard.append(program.hear())
            assert "Zephyrine" not in str(heard)
            assert account.id not in str(heard)
            assert not [one for one in heard if one["type"] in ("tick", "fill", "order", "notice", "signal")]


def test_the_market_tells_what_was_subscribed_to_and_the_wish_ends_with_the_connection(port, hub, asha, monkeypatch):
    said = []
    monkeypatch.setattr("app.core.link.SilentLink.send", lambda _link, kind, payload: said.append((kind, payload)))
    price(hub, "NSE:SBIN", "980")
    with connected(port, "/ws/v1/market", **asha.bearer) as program:
        program.hear("beat")
        program.say("subscribe", symbols=["NSE:SBIN", "NSE:TCS"], mode="quote", ref=1)
        answer = program.hear("subscribed")
        assert (answer["symbols"], answer["ref"]) == (["NSE:SBIN", "NSE:TCS"], 1)
        assert answer["prices"] == {"NSE:SBIN": {"ltp": "980", "at": 5, "currency": "INR"}}
        assert said[-1] == ("watch", said[-1][1])
        assert (said[-1][1]["symbols"], said[-1][1]["mode"]) == (["NSE:SBIN", "NSE:TCS"], "quote")
        price(hub, "NSE:TCS", "3000", **{"vol:NSE:TCS": cell("12", "qty"), "ltp:NSE:OTHER": cell("1", "price")})
        assert program.hear("tick")["prices"] == {"NSE:TCS": {"ltp": "3000", "at": 5, "currency": "INR", "vol": "12"}}
        program.say("unsubscribe", symbols=["NSE:TCS"])
        assert program.hear("unsubscribed")["symbols"] == ["NSE:SBIN"]
        assert said[-1][1]["symbols"] == ["NSE:SBIN"]
    until(lambda: said[-1][1].get("symbols") == [])
    until(lambda: not hub.watchers())


def test_one_symbol_is_wanted_once_however_many_look(port, asha, monkeypatch):
    said = []
    monkeypatch.setattr("app.core.link.SilentLink.send", lambda _link, kind, payload: said.append((kind, payload)))
    monkeypatch.setattr(socket_session, "BEAT", 900.0)  # with which wishes are said again
    with connected(port, "/ws/v1/market", **asha.bearer) as one, connected(port, "/ws/v1/market", **asha.bearer) as two:
        for program in (one, two):
            program.say("subscribe", symbols=["NSE:SBIN"])
            program.hear("subscribed")
        wishes = [payload["symbols"] for kind, payload in said if kind == "watch"]
        assert wishes == [["NSE:SBIN"]]
        two.say("unsubscribe")
        assert two.hear("unsubscribed")["symbols"] == []
        assert wishes == [["NSE:SBIN"]]


NO_WISHES = (
    {"symbols": "NSE:SBIN"}, {"symbols": ["nonsense"]}, {"symbols": [7]}, {},
    {"symbols": ["NSE:SBIN"], "mode": "all"}, {"symbols": [f"NSE:S{number}" for number in range(501)]},
)  # fmt: skip


def test_a_wish_that_makes_no_sense_is_answered_with_a_sentence(port, asha):
    with connected(port, "/ws/v1/market", **asha.bearer) as program:
        for wish in NO_WISHES:
            program.say("subscribe", ref="a", **wish)
            answer = program.hear("error")
            assert (answer["code"], answer["ref"]) == ("DENIED", "a")
            assert answer["message"].endswith((".", "}.", "]."))


def test_each_step_of_an_order_is_told_with_its_number_and_again_to_who_was_away(port, hub, services, asha):
    desk = Desk(services)
    account = desk.account()
    working = desk.order(account, state="open")
    with connected(port, "/ws/v1/trades", **asha.bearer) as program:
        snapshot = program.hear("snapshot")
        assert [one["id"] for one in snapshot["orders"]] == [working.id]
        step(desk, working, "open", "partially_filled", 15)
        hub.take("changed", {"owner": asha.id, "rooms": ["orders"]})
        fill = program.hear("fill", "order")
        assert (fill["type"], fill["order"]["id"], fill["event"]["filled_quantity"]) == ("fill", working.id, "15")
        step(desk, working, "partially_filled", "cancelled", 15)
        hub.take("changed", {"owner": asha.id, "rooms": None})
        assert program.hear("fill", "order")["type"] == "order", "nothing more of it was filled"
        last = fill["id"]
    with connected(port, f"/ws/v1/trades?last_id={last}", **asha.bearer) as program:
        assert program.hear("resumed", "snapshot")["type"] == "resumed"
        missed = program.hear("fill", "order")
        assert (missed["event"]["to_state"], int(missed["id"])) == ("cancelled", int(last) + 1)
    with connected(port, "/ws/v1/trades?last_id=999999", **asha.bearer) as program:
        snapshot = program.hear("resumed", "snapshot")
        assert (snapshot["missed"], snapshot["orders"]) == (True, [])
    with connected(port, "/ws/v1/trades?last_id=%C2%B2", **asha.bearer) as program:
        assert program.hear("resumed", "snapshot")["type"] == "snapshot", "² is a digit, and no number"


def test_who_missed_too_many_steps_is_told_how_things_stand(port, services, asha, monkeypatch):
    monkeypatch.setattr("app.web.event_topics.MOST_REPLAYED", 2)
    desk = Desk(services)
    order = desk.order(desk.account(), state="open")
    with services.db.read() as session:
        seen = session.scalars(select(OrderEvent.seq)).one()
    for filled in (15, 30, 45):
        step(desk, order, "open", "open", filled)
    with connected(port, f"/ws/v1/trades?last_id={seen}", **asha.bearer) as program:
        assert program.hear("resumed", "snapshot")["missed"] is True


def step(desk, order, before, after, filled):
    with desk.db.write() as session:
        session.execute(update(Order).where(Order.id == order.id).values(state=after, filled_quantity=filled))
        session.add(
            OrderEvent(
                order_id=order.id, at=desk.now, source="push", from_state=before, to_state=after, detail="",
                filled_quantity=filled,
            )
        )  # fmt: skip


def test_a_lost_hint_costs_a_beat_and_no_fill(port, services, asha, monkeypatch):
    monkeypatch.setattr(socket_session, "BEAT", 0.05)
    desk = Desk(services)
    account = desk.account()
    with connected(port, "/ws/v1/trades", **asha.bearer) as program:
        program.hear("beat")
        order = desk.order(account)
        assert program.hear("fill", "order")["order"]["id"] == order.id


def test_what_the_desk_decides_is_told(port, hub, services, asha, monkeypatch):
    monkeypatch.setattr(socket_session, "BEAT", 900.0)  # with which it is told as well, but without a number
    desk = Desk(services)
    run = desk.run(desk.account())
    with connected(port, "/ws/v1/signals", **asha.bearer) as program:
        (running,) = [one for one in program.hear("snapshot")["signals"] if one["kind"] == "run"]
        assert (running["data"]["id"], running["data"]["state"]) == (run.id, "open")
        services.strategies.exit_run(asha.id, run.id, "the news", "Asha")
        hub.take("changed", {"owner": asha.id, "rooms": ["runs"]})
        decided = program.hear("signal")
        assert (decided["kind"], decided["data"]["exit_reason"], bool(decided["id"])) == ("run", "the news", True)
        services.risk.set_state(Asker(asha.id), Extent(Kind.USER, asha.id), TradingState.REDUCING, "lunch")
        hub.take("changed", {"owner": asha.id, "rooms": ["standing"]})
        assert program.hear("signal")["data"]["state"] == "REDUCING"
        hub.take("notice", {"owner": asha.id, "level": "alarm", "text": "Look", "link": ""})
        assert program.hear("signal")["data"]["text"] == "Look"
        hub.take("changed", {"owner": asha.id, "rooms": ["runs"]})
        program.say("ping")
        assert program.hear("signal", "pong")["type"] == "pong", "what was told is not told again"
        came = desk.signal(desk.webhook(run.strategy_id)[0])
        hub.take("changed", {"owner": asha.id, "rooms": ["signals"]})
        told = program.hear("signal")
        assert (told["kind"], told["data"]["id"], told["data"]["state"]) == ("signal", came, "tested")


def test_where_there_is_nothing_to_subscribe_to_it_says_so(port, asha):
    for path in TOPICS[2:]:
        with connected(port, path, **asha.bearer) as program:
            program.say("subscribe", symbols=["NSE:SBIN"])
            assert program.hear("error")["code"] == "DENIED"
            program.say("dance")
            assert program.hear("error")["code"] == "UNKNOWN_TYPE"


def test_what_is_no_message_ends_it(port, asha):
    for said, code in (("[]", 4400), ("{", 4400), ('{"type": 7}', 4400), (b"\x00", 1003), ("x" * 70_000, 1009)):
        with connected(port, "/ws/v1/market", **asha.bearer) as program:
            program.hear("beat")
            (program.wire.send_binary if isinstance(said, bytes) else program.wire.send)(said)
            assert program.hear_the_end().code == code


def test_who_floods_it_is_shown_out(port, asha):
    with connected(port, "/ws/v1/market", **asha.bearer) as program:
        for _ in range(socket_session.MOST_ASKED + 1):
            program.say("ping")
        assert program.hear_the_end().code == 4429


def test_the_streams_of_a_person_are_counted_together(port, asha, hub):
    with ExitStack() as open_ones:
        for path in (*TOPICS, *TOPICS)[:MOST_STREAMS]:
            open_ones.enter_context(connected(port, path, **asha.bearer)).hear("welcome")
        with connected(port, "/ws/v1/market", **asha.bearer) as one_more:
            end = one_more.hear_the_end()
            assert (end.code, "close one" in end.reason) == (4429, True)
    until(lambda: not hub.watchers())


def test_signing_out_and_revoking_end_it(port, asha, admin, services, hub, monkeypatch):
    monkeypatch.setattr(socket_session, "BEAT", 0.05)
    monkeypatch.setattr("app.web.passes.BELIEVED", 0.02)
    with (
        connected(port, "/ws/broadcast", **asha.bearer) as bot,
        connected(port, "/ws/broadcast", **asha.cookie) as page,
    ):
        for program in (bot, page):
            program.hear("beat")
        with services.db.write() as session:
            session.execute(update(ApiToken).values(revoked_at=services.clock.now() - timedelta(seconds=1)))
        assert bot.hear_the_end().code == 4401
        admin.submit("/sign-out", "/")
        assert page.hear_the_end().code == 4401
    until(lambda: not hub.watchers())


def test_who_does_not_read_is_cut_off(port, asha, hub, monkeypatch):
    monkeypatch.setattr("app.web.live.STUCK", 0.0)
    with connected(port, "/ws/broadcast", **asha.bearer) as slow:
        wide = {f"pnl__{number}": "1" for number in range(20_000)}
        slow.hear("beat")
        tick(hub, asha.id, **wide)

        def gone():
            tick(hub, asha.id, **wide)
            hub.take("beat", {"engine_at": 1, "feed": {}})
            return not hub.watchers()

        until(gone, timeout=60)
