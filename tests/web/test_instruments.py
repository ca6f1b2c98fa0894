"""The pages about instruments: who sees what, who may change it, and what every page says of the market."""

import io
from datetime import date, timedelta

import pytest

from app.audit.models import AuditEntry
from app.engine.masters import Masters
from app.instruments.models import Override, Reading
from tests.instruments.conftest import ListedBy, chain, equity
from tests.web.api.conftest import instrument
from tests.web.trading import NIFTY, Desk

CONTRACT = f"/instruments/contract?exchange={NIFTY['exchange']}&symbol={NIFTY['symbol']}"
RIGHT = {
    "kind": "freeze_quantity", "exchange": "NFO", "subject": "NIFTY", "value": "900", "effective_from": "2026-11-01",
    "source": "Broker's page", "reason": "Its limit is lower",
}  # fmt: skip
TABLE = "kind,exchange,subject,value,effective_from,source\nlot_size,NFO,NIFTY,70,2026-12-01,circular\n"


@pytest.fixture
def desk(admin, services) -> Desk:
    services.instruments.seed()
    desk = Desk(services)
    desk.save(instrument(services))
    services.instruments.fill_families()
    return desk


def test_a_search_lists_what_it_finds_and_the_dialog_the_first_of_it(admin, desk):
    page = admin.get("/instruments?q=nifty+24400+ce").text
    assert "NIFTY 24 Dec 26 24,400 CE" in page
    assert "Nothing found" in admin.get("/instruments?q=zzz").text
    assert "data-found" in admin.get("/instruments/find?q=nifty", fragment=True).text
    for strange in ("%00", "%F0%9F%92%A5", "x" * 5000, "%25"):
        assert "Nothing on record" in admin.get(f"/instruments/find?q={strange}z", fragment=True).text


def test_an_instrument_says_where_each_value_comes_from_and_everything_ever_said(admin, desk):
    page = admin.get(CONTRACT).text
    assert "1755 <" in page
    assert page.count("Venue</span>") == 3
    admin.submit("/instruments/values/new", **RIGHT)
    page = admin.get(CONTRACT).text
    assert "900 <" in page
    assert "Its limit is lower (set by Asha" in page
    assert "without it 1755" in page
    assert "1800" in page  # what shipped, in the history
    admin.get("/instruments/contract?exchange=NFO&symbol=NOSUCH", 404)


def test_an_override_is_shown_to_all_ended_with_a_reason_and_never_erased(admin, desk, invited, services):
    admin.submit("/instruments/values/new", **RIGHT)
    trader = invited("trader", "Birla")
    assert "Its limit is lower" in trader.get("/instruments/values").text
    override = services.overrides.list()[0]
    address = f"/instruments/values/{override.id}/end"
    assert "Say why it ends" in admin.submit(address, status=422, reason="").text
    admin.submit(address, reason="Lifted")
    page = trader.get("/instruments/values").text
    assert "Asha: Lifted" in page
    assert "It was ended already" in admin.submit(address, status=409, reason="Again").text
    with services.db.read() as session:
        actions = [entry.action for entry in session.query(AuditEntry).filter(AuditEntry.subject_type == "override")]
    assert actions == ["instrument.override_set", "instrument.override_ended"]


def test_only_an_admin_overrules(admin, desk, invited, services):
    trader = invited("trader", "Birla")
    trader.get("/instruments/values/new", 403)
    trader.get("/instruments/values/import", 403)
    trader.submit("/instruments/values/new", "/settings/security", status=403, **RIGHT)
    trader.submit("/instruments/values/import", "/settings/security", status=403, table=TABLE, reason="x")
    assert desk.count(Override) == 0
    assert "Overrule a value" not in trader.get("/instruments/values").text
    invited("viewer", "Chitra").submit("/instruments/masters/sync", "/settings/security", status=403)


@pytest.mark.parametrize("wrong, said", [
    ({"subject": "NIFTTY", "exchange": "NFX"}, "The desk knows no such exchange."),
    ({"value": "1e99999"}, "Say a number above zero"),
    ({"effective_from": "tomorrow"}, "Write the day as 2026-12-01."),
    ({"reason": ""}, "Say why: everyone sees it"),
])  # fmt: skip
def test_what_is_wrong_is_said_beside_its_field(admin, desk, wrong, said):
    assert said in admin.submit("/instruments/values/new", status=422, **(RIGHT | wrong)).text
    assert desk.count(Override) == 0


def test_a_file_is_shown_in_numbers_before_it_counts(admin, desk):
    here = "/instruments/values/import"
    page = admin.submit(here, status=200, table=TABLE, reason="Circular").text
    assert "New: 0. Changed: 1. Already so: 0. Nothing counts yet." in page
    assert desk.count(Override) == 0
    assert "What will change" in admin.submit(here, status=200, table=TABLE, reason="Circular", apply="9-9-9").text
    assert desk.count(Override) == 0
    admin.submit(here, table=TABLE, reason="Circular", apply="0-1-0")
    assert desk.count(Override) == 1
    wrong = TABLE + "lot_size,NFO,NIFTY,zero,2026-12-01,x\n"
    page = admin.submit(here, status=422, table=wrong, reason="Circular", apply="0-1-0").text
    assert "Line 3, value: Say a number above zero" in page
    assert desk.count(Override) == 1


def test_the_file_of_all_values_is_taken_out_added_to_and_sent_back_with_each_value_audited(admin, desk, services):
    here = "/instruments/values/import"
    given = admin.client.get("/instruments/values/export.csv")
    assert (given.mimetype, "attachment" in given.headers["Content-Disposition"]) == ("text/csv", True)
    known = len(given.text.splitlines()) - 1
    added = "day,NFO,,18:15-19:15 Muhurat trading,2027-10-29,circular\nlot_size,NFO,NIFTY,70,2026-12-01,circular\n"
    text = given.text + added
    sent = (io.BytesIO(text.encode()), "values.csv")
    page = admin.submit(here, status=200, file=sent, reason="Circular of October").text
    assert f"New: 1. Changed: 1. Already so: {known}. Nothing counts yet." in page
    admin.submit(here, table=text, reason="Circular of October", apply=f"1-1-{known}")
    with services.db.read() as session:
        noted = session.query(AuditEntry).filter(AuditEntry.subject_type == "override").all()
    assert [entry.action for entry in noted] == ["instrument.override_set"] * 2
    assert all("Circular of October" in str(entry.detail) for entry in noted)
    assert "18:15–19:15" in admin.get("/instruments/calendar?month=2027-10").text
    assert "18:15-19:15 Muhurat trading,2027-10-29,circular" in admin.client.get("/instruments/values/export.csv").text


def test_the_calendar_tells_holidays_special_sessions_and_listed_expiries(admin, desk):
    page = admin.get("/instruments/calendar?month=2026-11").text
    assert "Prakash Gurpurb Sri Guru Nanak Dev" in page
    assert "17:00–23:55" in page
    assert "NIFTY" in admin.get("/instruments/calendar?month=2026-12").text
    assert "Thu" in admin.get("/instruments/calendar?month=2026-12&underlying=nifty").text
    for odd in ("2026-13", "1999-01", "x", "%00"):
        admin.get(f"/instruments/calendar?month={odd}")


def test_masters_tell_their_age_their_changes_and_whose_account_was_asked(admin, desk, services, invited):
    account = desk.account("Zerodha main")
    lists = ListedBy({"NFO": chain("NIFTY", date(2026, 12, 24), 24000, 24200, 100), "NSE": [equity("SBIN")]})
    services.instruments.sync(lists, ["NFO", "NSE"], services.clock.now() - timedelta(days=8), "openalgo", "zerodha")
    page = admin.get("/instruments/masters").text
    assert "NFO, NSE" in page
    assert "Too old" in page
    assert "nobody has read" in admin.get("/").text
    row = desk.save(
        Reading(
            venue_kind="openalgo", exchange="NFO", source="Zerodha main", at=services.clock.now(), took_ms=5,
            contracts=3, added=2, changed=3, gone=1,
            detail={
                "account_id": account.id, "added": [["NIFTY", 2]], "gone": [["SENSEX", 1]],
                "changed": [["NIFTY", "lot_size", "75", "65", 3]],
            },
        )
    )  # fmt: skip
    assert "Zerodha main" in admin.get("/instruments/masters").text
    page = admin.get(f"/instruments/masters/readings/{row.id}").text
    assert "75" in page
    assert "SENSEX (1)" in page
    stranger = invited("trader", "Birla")
    assert "Zerodha main" not in stranger.get("/instruments/masters").text
    assert "Zerodha main" not in stranger.get(f"/instruments/masters/readings/{row.id}").text


def test_lists_that_nobody_read_for_a_week_are_told_to_who_trades_by_them_once_a_day(admin, desk, services, invited):
    desk.account()
    lists = ListedBy({"NFO": chain("NIFTY", date(2026, 12, 24), 24000, 24200, 100), "NSE": [equity("SBIN")]})
    now = services.clock.now()
    services.instruments.sync(lists, ["NFO"], now - timedelta(days=7, minutes=1), "openalgo", "zerodha")
    services.instruments.sync(lists, ["NSE"], now - timedelta(days=6), "openalgo", "zerodha")
    masters = Masters(services, [])  # nobody is there to be asked
    for _ in range(3):
        masters.step()
    (message,) = services.notify.list(desk.owner_id)
    assert (message.level, message.times, message.link) == ("alarm", 1, "/instruments/masters")
    assert message.text.startswith("NFO: nobody has read the venue's list of instruments for more than a week.")
    assert "A list of instruments is too old" in admin.get("/notifications?topic=instruments").text
    assert "A list of instruments is too old" not in invited("trader", "Birla").get("/notifications").text


def test_asking_for_the_lists_waits_for_the_engine_and_says_so(admin, desk, services):
    desk.account()
    address = admin.submit("/instruments/masters/sync", "/instruments/masters").headers["Location"]
    assert "Reading…" in admin.get(address).text


def test_every_page_says_whether_the_market_is_open_to_who_trades_there(admin, desk):
    assert "data-market" not in admin.get("/settings").text
    desk.account()
    page = admin.get("/settings").text
    assert page.count("data-market=") == 5  # the one that speaks, and behind it all four
    assert "NSE F&amp;O" in page


def test_the_api_gives_the_same(admin, desk, services):
    desk.account()
    client, head = admin.client, {"X-CSRFToken": admin.token("/settings")}
    made = client.post("/api/v1/overrides", json=RIGHT, headers=head)
    assert (made.status_code, made.json["counts"]) == (201, True)
    shown = client.get(f"/api/v1/instruments/{NIFTY['exchange']}/{NIFTY['symbol']}").json
    assert shown["freeze_quantity"] == "900"
    assert {one["kind"]: one["origin"] for one in shown["values"]}["freeze_quantity"] == "override"
    ended = client.post(f"/api/v1/overrides/{made.json['id']}/end", json={"reason": "Lifted"}, headers=head)
    assert ended.json["counts"] is False
    file = client.get("/api/v1/overrides/file").json["csv"]
    again = client.post("/api/v1/overrides/file", json={"csv": file, "reason": "r"}, headers=head).json
    assert (again["new"], again["applied"]) == (0, False)
    bad = client.post("/api/v1/overrides/file", json={"csv": "x", "reason": "r", "apply": True}, headers=head)
    assert "csv.1.headings" in bad.json["error"]["fields"]
    assert {one["exchange"] for one in client.get("/api/v1/markets").json["items"]} == {"NFO", "NSE", "BFO", "BSE"}
    days = client.get("/api/v1/calendar?first=2026-12-20&last=2026-12-31").json["items"]
    assert [day["day"] for day in days] == ["2026-12-24", "2026-12-25"]
    assert client.get("/api/v1/calendar?first=2026-12-20&last=2020-12-31").status_code == 422
    assert client.get("/api/v1/masters").json["items"][0]["is_too_old"] is True
    assert client.post("/api/v1/masters/sync?wait=0", headers=head).status_code == 202
