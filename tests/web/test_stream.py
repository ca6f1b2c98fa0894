"""Streams over a real server in threads: what comes first, what is missed, who sees what, and how they end."""

from contextlib import ExitStack
from datetime import timedelta

import pytest
from sqlalchemy import update

from app.core.clock import epoch_ms
from app.users.models import LoginSession
from app.web import stream as door
from app.web.live import MOST_STREAMS
from tests.waiting import until
from tests.web.sse import opened, serving
from tests.web.trading import Desk


@pytest.fixture
def live(app):
    return app.extensions["live"]


@pytest.fixture
def port(app):
    with serving(app) as port:
        yield port


def cookie(browser):
    return f"desk={browser.client.get_cookie('desk').value}"


def user(services, name="Asha"):
    return next(one for one in services.users.people.list() if one.name == name)


@pytest.fixture
def owner(services, admin):
    return user(services).id


def tick(live, owner, **values):
    cells = {key.replace("__", ":"): {"v": value, "k": "money", "c": "INR", "at": 5} for key, value in values.items()}
    live.hub.take("tick", {"owner": owner, "cells": cells})


def test_a_stranger_gets_no_stream(port):
    with opened(port) as stream:
        assert stream.status in (302, 401)
    with opened(port, "/api/stream/x") as stream:
        assert stream.status == 401
        assert stream.json()["error"]["code"] == "AUTH_FAILED"


def test_the_present_figures_come_first_then_a_beat_then_news(port, admin, owner, live):
    tick(live, owner, pnl__day="100")
    with opened(port, Cookie=cookie(admin)) as stream:
        assert stream.status == 200
        assert stream.response.getheader("Content-Type").startswith("text/event-stream")
        assert "no-cache" in stream.response.getheader("Cache-Control")
        assert stream.response.getheader("X-Accel-Buffering") == "no"
        first, second = stream.hear(), stream.hear()
        assert (first.name, first.data) == ("tick", {"pnl:day": {"t": "▲\u00a0+₹100.00", "s": "up", "at": 5}})
        assert second.name == "beat"
        assert second.data.keys() == {"at", "engine_at", "feed"}
        tick(live, owner, pnl__day="-5")
        assert stream.hear_news().data["pnl:day"]["t"] == "▼\u00a0−₹5.00"
        live.hub.take("changed", {"owner": owner, "rooms": ["orders", "positions:12"]})
        changed = stream.hear_news()
        assert (changed.name, changed.data) == ("changed", ["orders", "positions:12"])
        live.hub.take("notice", {"owner": owner, "level": "alarm", "text": "Look", "link": "/orders/1"})
        assert stream.hear_news().data == {"level": "alarm", "text": "Look", "link": "/orders/1"}


def test_every_event_carries_an_id_and_coming_back_brings_what_was_missed(port, admin, owner, live):
    with opened(port, Cookie=cookie(admin)) as stream:
        events = [stream.hear(), stream.hear()]
        assert all(event.id for event in events)
    live.hub.take("changed", {"owner": owner, "rooms": ["orders"]})
    tick(live, owner, pnl__day="7")
    with opened(port, Cookie=cookie(admin), Last_Event_ID=events[-1].id) as stream:
        snapshot, missed = stream.hear(), stream.hear()
        assert snapshot.data["pnl:day"]["t"] == "▲\u00a0+₹7.00"
        assert (missed.name, missed.data) == ("changed", ["orders"])
    with opened(port, Cookie=cookie(admin), Last_Event_ID="other-4") as stream:
        assert stream.hear_until("changed").data is None


def test_the_beat_tells_the_feed_and_the_engine(port, admin, services, live, monkeypatch):
    now = services.clock.now()
    monkeypatch.setattr(services.clock, "now", lambda: now)
    feed = {"state": "live", "account_id": "a", "last_at": epoch_ms(now), "reason": ""}
    live.hub.take("beat", {"engine_at": epoch_ms(now), "feed": feed})
    with opened(port, Cookie=cookie(admin)) as stream:
        beat = stream.hear_until("beat").data
    assert beat["engine_at"] == epoch_ms(now)
    assert beat["feed"]["state"] == "live"
    assert beat["feed"]["text"].startswith("Live")


def test_without_a_link_the_rows_tell(port, admin, services):
    services.pulse.beat("engine")
    services.pulse.beat("feed", {"state": "closed", "last_at": None})
    with opened(port, Cookie=cookie(admin)) as stream:
        beat = stream.hear_until("beat").data
    assert beat["feed"] == {"state": "closed", "text": "Closed", "at": None, "source": "stream"}
    assert epoch_ms(services.clock.now()) - beat["engine_at"] < 60_000


def test_two_people_never_see_each_others_figures(port, admin, invited, owner, services, live):
    birla = invited("trader", "Birla")
    tick(live, owner, pnl__day="1")
    with opened(port, Cookie=cookie(birla)) as stream:
        assert stream.hear().data == {}
        stream.hear_until("beat")
        tick(live, owner, pnl__day="2")
        live.hub.take("changed", {"owner": owner, "rooms": ["orders"]})
        tick(live, user(services, "Birla").id, pnl__day="3")
        event = stream.hear_news()
        assert (event.name, event.data["pnl:day"]["t"]) == ("tick", "▲\u00a0+₹3.00")


def test_a_page_may_watch_symbols_and_says_so_to_the_engine(port, admin, live, monkeypatch):
    said = []
    monkeypatch.setattr(type(live.link), "send", lambda _link, kind, payload: said.append((kind, payload)))
    with opened(port, "/stream?watch=NSE:SBIN,nonsense", Cookie=cookie(admin)) as stream:
        stream.hear_until("beat")
        cell = {"v": "980", "k": "price", "c": "INR", "at": 5, "tick": "0.05"}
        live.hub.take("tick", {"owner": "*", "cells": {"ltp:NSE:SBIN": cell, "ltp:NSE:TCS": cell}})
        assert stream.hear_news().data == {"ltp:NSE:SBIN": {"t": "980.00", "s": "flat", "at": 5}}
    assert said[0][0] == "watch"
    assert said[0][1]["symbols"] == ["NSE:SBIN"]


def test_the_seventh_stream_of_a_person_is_refused_in_json(port, admin, live):
    with ExitStack() as streams:
        for _ in range(MOST_STREAMS):
            streams.enter_context(opened(port, Cookie=cookie(admin))).hear()
        with opened(port, Cookie=cookie(admin)) as one_more:
            assert one_more.status == 429
            assert one_more.json()["error"]["code"] == "RATE_LIMIT"


def test_what_changed_between_the_page_and_its_stream_is_told(port, admin, owner, live):
    since = admin.get("/").text.split('data-since="')[1].split('"')[0]
    live.hub.take("changed", {"owner": owner, "rooms": ["runs"]})
    with opened(port, f"/stream?since={since}", Cookie=cookie(admin)) as stream:
        assert stream.hear_until("changed").data == ["runs"]


def test_the_next_page_of_a_tab_takes_the_place_of_the_one_before(port, admin, live):
    with ExitStack() as streams:
        for number in range(3 * MOST_STREAMS):
            path = f"/stream?page=p{number}&after=p{number - 1}"
            assert streams.enter_context(opened(port, path, Cookie=cookie(admin))).status == 200
            assert len(live.hub.watchers()) == 1


def test_a_closed_browser_makes_room(port, admin, owner, live):
    with opened(port, Cookie=cookie(admin)) as stream:
        stream.hear()
        assert len(live.hub.watchers()) == 1

    def gone():
        tick(live, owner, pnl__day="1")
        return not live.hub.watchers()

    until(gone)


def test_a_browser_that_does_not_read_delays_nobody(port, admin, owner, live):
    with opened(port, Cookie=cookie(admin)) as slow, opened(port, Cookie=cookie(admin)) as quick:
        quick.hear_until("beat")
        wide = {f"pnl__{number}": str(number) for number in range(1500)}
        for step in range(60):
            tick(live, owner, **wide, step=str(step))
        while quick.hear_until("tick").data.get("step", {}).get("t") != "▲\u00a0+₹59.00":
            pass
        assert slow.status == 200


def test_a_revoked_session_ends_its_stream(port, admin, services, monkeypatch):
    monkeypatch.setattr(door, "BEAT", 0.05)
    monkeypatch.setattr("app.web.passes.BELIEVED", 0.02)
    with opened(port, Cookie=cookie(admin)) as stream:
        stream.hear_until("beat")
        stream.hear_until("beat")
        with services.db.write() as session:
            session.execute(update(LoginSession).values(revoked_at=services.clock.now()))
        while stream.hear() is not None:
            pass
    with opened(port, Cookie=cookie(admin)) as stream:
        assert stream.status in (302, 401)


def test_signing_out_ends_the_streams_of_that_session_and_of_no_other(port, admin, invited, owner, services, live):
    birla = invited("trader", "Birla")
    of_birla = user(services, "Birla").id
    with opened(port, Cookie=cookie(admin)) as mine, opened(port, Cookie=cookie(birla)) as theirs:
        mine.hear_until("beat")
        theirs.hear_until("beat")
        admin.submit("/sign-out", "/")
        while (event := mine.hear()) is not None:
            assert event.name == "beat"  # nothing more of the desk is told
        tick(live, owner, pnl__day="1")
        tick(live, of_birla, pnl__day="3")
        assert theirs.hear_until("tick").data["pnl:day"]["t"] == "▲\u00a0+₹3.00"


def test_an_idle_or_expired_session_and_a_person_switched_off_open_nothing(services, admin, live):
    person = user(services)
    (login,) = services.users.sessions.list(person.id)
    assert live.passes.owner_of(login.id, set) == person.id
    passes = door.Passes(services.db, services.clock, timedelta(0))
    assert passes.owner_of(login.id, set) is None
    assert live.passes.owner_of("unknown", set) is None


def test_an_account_stream_gives_a_snapshot_of_that_account_alone(port, admin, owner, services, live):
    account = account_of(services)
    tick(live, owner, **{f"pnl__account__{account}": "5", "pnl__account__other": "6", "pnl__day": "11"})
    cells = {
        f"pos:{account}:NSE:SBIN:MIS": {"v": "10", "k": "qty", "c": None, "at": 1},
        "ltp:NSE:SBIN": {"v": "980", "k": "price", "c": "INR", "at": 1},
        "ltp:NSE:TCS": {"v": "3000", "k": "price", "c": "INR", "at": 1},
    }
    live.hub.take("tick", {"owner": owner, "cells": cells})
    with opened(port, f"/api/stream/{account}", Cookie=cookie(admin)) as stream:
        first = stream.hear()
        assert (first.name, set(first.data)) == (
            "snapshot",
            {f"pnl:account:{account}", f"pos:{account}:NSE:SBIN:MIS", "ltp:NSE:SBIN"},
        )
        assert first.data["ltp:NSE:SBIN"]["v"] == "980"
        assert stream.hear().name == "beat"


def test_someone_elses_account_has_no_stream(port, admin, invited, owner, services):
    account = account_of(services)
    birla = invited("trader", "Birla")
    with opened(port, f"/api/stream/{account}", Cookie=cookie(birla)) as stream:
        assert stream.status == 404
        assert stream.json()["error"]["code"] == "NOT_FOUND"


def account_of(services):
    return Desk(services).account("Zerodha").id
