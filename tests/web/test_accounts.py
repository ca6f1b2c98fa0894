"""The accounts pages through a browser, with the engine's part of the connection test done by hand."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest

from app.accounts.connection_test import run_connection_test
from app.accounts.health import HealthService, Sighting
from app.accounts.models import HealthState
from app.accounts.service import AccountService, Setup
from app.core import errands
from app.venues.types import CheckStep, FundsReport, Mode
from tests.accounts.test_connection_test import GOOD, SelfTesting
from tests.web.conftest import PASSWORD

KEY = "5e" * 32


@pytest.fixture
def busy():
    return {}


@pytest.fixture
def services(services, busy):
    setup = Setup(is_busy=busy.get)
    services.accounts = AccountService(services.db, services.clock, services.vault, services.trail, setup)
    services.health = HealthService(services.db, services.clock)
    return services


def filled(name="Zerodha main", **changes):
    return {
        "name": name,
        "host_url": "http://127.0.0.1:5000",
        "stream_url": "ws://127.0.0.1:8765",
        "api_key": KEY,
        "expected_mode": "live",
        "default_product": "NRML",
        "orders_per_second": "10",
        "max_in_flight": "10",
        **changes,
    }


def add(browser, name="Zerodha main", **changes):
    """Add an account; its id and the id of the test that was started."""
    sent_to = browser.submit("/accounts/new", **filled(name, **changes)).headers["Location"]
    return re.fullmatch(r"/accounts/(\w+)\?test=(\w+)", sent_to).groups()


def answer_tests(services, steps):
    """What the engine does with the errands."""
    for errand in errands.claim(services.db, services.clock.now()):
        answer = run_connection_test(
            SelfTesting(steps), lambda lines, errand=errand: errands.report_progress(services.db, errand.id, lines)
        )
        errands.finish(services.db, errand.id, services.clock.now(), answer, None)


def test_without_an_account_the_page_says_what_to_do(admin):
    page = admin.get("/accounts")
    assert "Add your first account" in page.text


def test_the_form_offers_the_usual_addresses(admin):
    page = admin.get("/accounts/new").text
    assert 'value="http://127.0.0.1:5000"' in page
    assert 'value="ws://127.0.0.1:8765"' in page


def test_an_added_account_is_tested_at_once_and_tells_each_step(admin, services):
    account_id, errand_id = add(admin)
    watching = f"/accounts/{account_id}/test/{errand_id}"
    assert "Testing…" in admin.get(f"/accounts/{account_id}?test={errand_id}").text
    assert 'hx-trigger="load delay:700ms"' in admin.get(watching, fragment=True).text
    answer_tests(services, GOOD)
    done = admin.get(watching, fragment=True).text
    assert "₹1,20,000.50 is free" in done
    assert "Connected to zerodha." in done
    assert done.count(": passed") == 6
    assert "hx-trigger" not in done


def test_a_failed_step_shows_the_venues_words_and_a_hint(admin, services):
    account_id, errand_id = add(admin)
    answer_tests(
        services, [*GOOD[:1], CheckStep("key", False, "Invalid openalgo apikey", 4, hint="Copy the key again.")]
    )
    page = admin.get(f"/accounts/{account_id}/test/{errand_id}", fragment=True).text
    assert "Key: failed" in page
    assert "Invalid openalgo apikey" in page
    assert "Copy the key again." in page
    assert "Test again" in page


def test_a_test_that_nobody_takes_up_says_so(admin, services, monkeypatch):
    account_id, errand_id = add(admin)
    later = services.clock.now() + timedelta(seconds=30)
    monkeypatch.setattr(services.clock, "now", lambda: later)
    assert "Is it running?" in admin.get(f"/accounts/{account_id}/test/{errand_id}", fragment=True).text


def test_the_key_is_on_no_page(admin):
    account_id, _ = add(admin, api_secret="s3cr3t", proxy="http://u:pr0xy@127.0.0.1:1")
    for path in ("/accounts", f"/accounts/{account_id}", f"/accounts/{account_id}/edit"):
        text = admin.get(path).text
        assert not [secret for secret in (KEY, "s3cr3t", "pr0xy") if secret in text]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "💥"),
        ("name", "x" * 100_000),
        ("host_url", "ftp://x"),
        ("host_url", "http://169.254.169.254"),
        ("api_key", ""),
        ("orders_per_second", "1e30"),
        ("orders_per_second", "NaN"),
        ("expected_mode", "maybe"),
    ],
)
def test_a_wrong_field_is_told_at_the_field_and_nothing_is_saved(admin, services, field, value):
    page = admin.submit("/accounts/new", status=422, **filled(**{field: value})).text
    assert f'id="{field}-errors"' in page
    assert KEY not in page
    assert "Add your first account" in admin.get("/accounts").text


def test_the_list_tells_state_mode_funds_and_error_with_their_ages(admin, services):
    account_id, _ = add(admin)
    funds = FundsReport(Decimal("120000.50"), used=Decimal(40000))
    services.health.record(account_id, Sighting(HealthState.KEY_WRONG, "Invalid <b>apikey</b>", broker="zerodha"))
    services.health.record(account_id, Sighting(HealthState.PAPER, latency_ms=12, mode=Mode.PAPER, funds=funds))
    page = admin.get("/accounts/rows", fragment=True).text
    for told in ("Healthy", "PAPER", "₹1,20,000.50", "zerodha", "12\u00a0ms", "24 % of the funds in use"):
        assert told in page
    assert "Invalid &lt;b&gt;apikey&lt;/b&gt;" in page
    assert "Expected live, but the server is in paper mode." in page
    assert page.count(" ago") == 3


def test_pausing_and_resuming(admin, services):
    account_id, _ = add(admin)
    admin.submit(f"/accounts/{account_id}/pause", "/accounts")
    assert "Paused" in admin.get("/accounts").text
    admin.submit(f"/accounts/{account_id}/resume", "/accounts")
    assert "Paused" not in admin.get("/accounts/rows", fragment=True).text


def test_primary_and_failover_order_from_the_list(admin, services):
    first, second, third = (add(admin, name)[0] for name in ("One", "Two", "Three"))
    admin.submit(f"/accounts/{third}/up", "/accounts")
    admin.submit(f"/accounts/{second}/primary", "/accounts")
    page = admin.get("/accounts/rows", fragment=True).text
    assert re.findall(r">(One|Two|Three)</a>", page) == ["Two", "One", "Three"]
    admin.submit(f"/accounts/{second}/disable", "/accounts")
    admin.submit(f"/accounts/{second}/enable", "/accounts")
    assert re.findall(r">(One|Two|Three)</a>", admin.get("/accounts").text) == ["One", "Three", "Two"]
    admin.submit(f"/accounts/{third}/down", "/accounts")
    assert first


def test_removing_asks_first_and_is_refused_while_positions_are_open(admin, services, busy):
    account_id, _ = add(admin)
    ask = f"/accounts/{account_id}/remove"
    assert "keys are wiped" in admin.get(ask).text
    busy[account_id] = "it has 1 open position"
    assert "1 open position" in admin.submit(ask, status=409).text
    busy.clear()
    admin.submit(ask)
    assert "Zerodha main is removed" in admin.get("/accounts").text
    admin.get(f"/accounts/{account_id}", 404)


def test_an_edit_keeps_the_key_and_needs_no_password_for_a_name(admin, services):
    account_id, _ = add(admin)
    page = f"/accounts/{account_id}/edit"
    admin.submit(page, **filled("Renamed", api_key="", version="1"))
    account = services.accounts.list(services.accounts.all_enabled()[0].owner_id)[0]
    assert (account.name, services.accounts.connection(account).api_key) == ("Renamed", KEY)


@pytest.mark.parametrize("change", [{"api_key": "other"}, {"host_url": "http://127.0.0.1:6000", "api_key": ""}])
def test_a_new_key_or_another_address_for_it_needs_the_password(admin, services, change):
    account_id, _ = add(admin)
    page = f"/accounts/{account_id}/edit"
    assert "needs your password" in admin.submit(page, status=422, **filled(version="1", **change)).text
    assert "not your password" in admin.submit(page, status=422, **filled(version="1", password="no", **change)).text
    admin.submit(page, **filled(version="1", password=PASSWORD, **change))


def test_an_edit_of_an_old_form_is_refused(admin, services):
    account_id, _ = add(admin)
    page = f"/accounts/{account_id}/edit"
    admin.submit(page, **filled("First", api_key="", version="1"))
    assert (
        "Somebody changed this account"
        in admin.submit(page, status=409, **filled("Second", api_key="", version="1")).text
    )


def test_two_people_see_only_their_own_accounts(admin, invited, services):
    account_id, errand_id = add(admin)
    other = invited("trader", "Birla")
    assert "Zerodha main" not in other.get("/accounts").text
    for path in ("", "/edit", "/remove", "/disable", f"/test/{errand_id}"):
        other.get(f"/accounts/{account_id}{path}", 404)
    for path in ("pause", "remove", "primary", "up", "test"):
        other.submit(f"/accounts/{account_id}/{path}", "/settings/security", status=404)
    assert services.accounts.all_enabled()[0].trading_state == "ACTIVE"


def test_a_viewer_looks_and_changes_nothing(admin, invited):
    account_id, _ = add(admin)
    viewer = invited("viewer", "Chitra")
    page = viewer.get("/accounts").text
    assert "Zerodha main" in page
    assert "Add an account" not in page
    assert 'action="/accounts/' not in page
    viewer.get("/accounts/new", 403)
    viewer.submit(f"/accounts/{account_id}/pause", "/settings/security", status=403)


def test_a_stranger_is_sent_to_sign_in(stranger, admin):
    stranger.get("/accounts", 302)
