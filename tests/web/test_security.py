"""What every answer carries, and where the keys of the door lie."""

import stat
from dataclasses import replace

import pytest

from app.web import create_app
from app.web.secret import signing_key
from app.web.security import CSP
from config import BadSetting
from tests.web.client import Browser
from tests.web.conftest import PASSWORD

PATHS = ["/sign-in", "/first-run", "/settings", "/nothing/here", "/api/nothing", "/static/icons.svg"]


def headers_of(browser, path):
    with browser.client.get(path) as answer:  # a file is closed by whoever reads it
        return answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_headers(admin, path):
    headers = headers_of(admin, path)
    assert headers["Content-Security-Policy"] == CSP
    assert "unsafe" not in CSP
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Permissions-Policy" in headers
    assert "Access-Control-Allow-Origin" not in headers
    assert "Strict-Transport-Security" not in headers  # it would lock a desk on plain http out


def test_pages_are_kept_by_no_cache_and_files_by_their_content(admin):
    assert admin.get("/settings").headers["Cache-Control"] == "no-store"
    page = admin.get("/settings").text
    assert "/static/css/" in page
    plain = headers_of(admin, "/static/icons.svg")["Cache-Control"]
    assert "no-store" not in plain
    assert "immutable" not in plain
    assert "immutable" in headers_of(admin, "/static/icons.svg?v=1")["Cache-Control"]


def test_behind_https_cookies_and_headers_are_bound_to_it(services):
    services.settings = replace(services.settings, secure_cookies=True)
    app = create_app(services)
    client = app.test_client()
    client.environ_base["wsgi.url_scheme"] = "https"
    answer = client.get("/first-run", base_url="https://desk.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-desk=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_two_sign_ins_share_no_secret(app, admin):
    one, two = Browser(app.test_client()), Browser(app.test_client())
    for browser in (one, two):
        browser.submit("/sign-in", name="Asha", password=PASSWORD)
    assert one.client.get_cookie("desk").value != two.client.get_cookie("desk").value


def test_the_signing_key_is_made_once_and_read_by_its_owner_only(settings):
    key = signing_key(settings)
    assert signing_key(settings) == key
    assert stat.S_IMODE(settings.secret_file.stat().st_mode) == 0o600
    assert list(settings.instance.glob("session.key.*")) == []
    settings.secret_file.chmod(0o644)
    with pytest.raises(BadSetting):
        signing_key(settings)


def test_a_short_signing_key_stops_the_start(settings):
    with pytest.raises(BadSetting):
        signing_key(replace(settings, secret_key="secret"))


def test_the_request_log_has_templates_instead_of_addresses_and_no_query(admin, capsys):
    admin.client.get("/settings?api_key=k3y")
    admin.client.get("/nothing/at-s3cret-place")
    log = capsys.readouterr().out
    assert "/settings" in log
    assert "k3y" not in log
    assert "s3cret" not in log
