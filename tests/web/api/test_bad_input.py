"""Wrong input to every operation that takes a body: a JSON error that names the field, and nothing changed."""

import json
from types import SimpleNamespace

import pytest

from app.web.api.document import routes
from tests.web.api.conftest import address
from tests.web.api.snapshot import snapshot
from tests.web.conftest import PASSWORD
from tests.web.trading import NIFTY

BAD = {
    "empty": '""', "negative": "-1", "huge": "1e30", "absurd": "1e999999999", "many digits": "9" * 400, "nan": "NaN",
    "infinity": "Infinity", "emoji": '"🚀"', "null": "null", "list": "[]", "object": "{}", "nested": '{"a": [1]}',
    "boolean": "true", "number": "7.5", "long": json.dumps("x" * 5000), "foreign": '"01KAJ9Q4T5V6W7X8Y9Z0A1B2C3"',
    "surrogate": '"\\ud800"', "zero byte": '"a\\u0000b"',
}  # fmt: skip
# An id there may be well-formed and wrong.
NAMES_A_ROW = (
    "/api/v1/runs", "/api/v1/journal/orders/{order_id}/adopt", "/api/v1/journal/orders/cancel",
    "/api/v1/positions/close", "/api/v1/risk/kill", "/api/v1/risk/release", "/api/v1/strategy-templates",
    "/api/v1/replays", "/api/v1/signals/process",
)  # fmt: skip
# What is no mistake there: text that may be empty or anything, a number that may be that one.
FINE = {
    "empty": {"host_url", "stream_url", "default_product", "bind_address", "proxy", "api_secret", "api_key",
              "password", "symbol", "venue_kind", "why"},
    "emoji": {"name", "why"},
    "foreign": {"name", "api_key", "password", "symbol", "underlying", "exchange", "api_secret", "why"},
    "null": {"price", "expires_at", "version"},
    "list": {"accounts", "allowed_ips"},
    "object": {"extra"},
    "boolean": {"clear_proxy"},
    "number": {"multiplier", "price"},
    "huge": set(),
    "long": set(),
}  # fmt: skip
LEVELS = {"max_loss", "drawdown", "exposure", "symbol_exposure"}
LIMITS = {name: {"value": "20000", "unit": "amount"} for name in sorted(LEVELS)} | {
    "open_orders": 20, "order_value": "500000", "price_band": "5",
}  # fmt: skip
LIMITS_FINE = {"null": set(LIMITS), "number": {"order_value", "price_band"}}
# Of one operation alone: what is left out stays as it is, and orders are named in one way or another.
FINE_THERE = {
    "/api/v1/risk/kill": {"empty": {"id"}, "boolean": {"flatten"}},
    "/api/v1/risk/release": {"empty": {"id"}},
    "/api/v1/orders": {"number": {"trigger_price"}},
    "/api/v1/journal/orders/{order_id}/change": {
        "null": {"quantity", "price_type", "trigger_price"}, "number": {"trigger_price"},
    },
    "/api/v1/journal/orders/cancel": {"null": {"account_id", "symbol", "run_id"}, "list": {"order_ids"}},
    "/api/v1/differences/{difference_id}/adopt": {"number": {"quantity"}},
    "/api/v1/differences/{difference_id}/accept": {"number": {"quantity"}},
    "/api/v1/leg-runs/{leg_run_id}/accept": {"number": {"quantity"}},
    "/api/v1/watchlists/{watchlist_id}/paste": {"emoji": {"text"}, "foreign": {"text"}, "long": {"text"}},
    "/api/v1/alerts": {
        "empty": {"note", "other_exchange", "other_symbol"}, "emoji": {"note"},
        "foreign": {"note", "other_exchange", "other_symbol"}, "null": {"ratio", "reference"},
        "number": {"ratio", "level", "reference"},
    },
    "/api/v1/alerts/{alert_id}": {
        "empty": {"note"}, "emoji": {"note"}, "foreign": {"note"}, "number": {"level"}, "negative": {"level"},
    },
    "/api/v1/overrides": {"emoji": {"source", "reason"}, "foreign": {"subject", "source", "reason"}},
    "/api/v1/overrides/{override_id}/end": {"emoji": {"reason"}, "foreign": {"reason"}},
    "/api/v1/overrides/file": {"emoji": {"reason"}, "foreign": {"reason"}, "boolean": {"apply"}},
    "/api/v1/payoff": {
        "null": {"day"}, "negative": {"spot", "volatility"}, "number": {"spot", "volatility"},
    },
    "/api/v1/replays": {"null": {"enter_at"}, "number": {"slippage"}},
    "/api/v1/strategies/import": {"foreign": {"account"}, "emoji": {"account"}},
    "/api/v1/strategy-templates": {"empty": {"name"}},
    "/api/v1/sizing": {"number": {"percent", "option"}, "null": {"option"}, "list": {"margins"}},
    "/api/v1/risk/limits/desk": LIMITS_FINE,
    "/api/v1/risk/limits/accounts/{account_id}": LIMITS_FINE,
    "/api/v1/signals/process": {"emoji": {"id"}, "foreign": {"id"}, "boolean": {"test"}},
    "/api/v1/trade-journal/{entry_id}": {
        "empty": {"note"}, "emoji": {"note"}, "foreign": {"note"}, "list": {"tags"},
    },
}  # fmt: skip
# Nothing in them must be said.
MAY_BE_EMPTY = ("/api/v1/strategies/{strategy_id}/versions/{number}/restore", "/api/v1/sizing",
                "/api/v1/risk/limits/desk", "/api/v1/risk/limits/accounts/{account_id}")  # fmt: skip
ACCOUNT = {
    "name": "Zerodha main", "host_url": "http://127.0.0.1:5000", "stream_url": "ws://127.0.0.1:8765",
    "api_key": "5e5e5e", "api_secret": "", "expected_mode": "live", "default_product": "NRML",
    "orders_per_second": 10, "max_in_flight": 10, "bind_address": "", "proxy": "", "extra": {},
}  # fmt: skip
LEG = {
    "action": "SELL", "kind": "CE", "exchange": "NFO", "underlying": "NIFTY", "expiry": "current_week",
    "strike": "OTM2", "symbol": "", "lots": 2, "product": "NRML", "price_type": "MARKET", "price": None,
}  # fmt: skip
AGAIN = {"repeat": "every", "pause_minutes": 5, "expires_at": None, "note": "sell half"}
CSV = "kind,exchange,subject,value,effective_from,source\nlot_size,NFO,NIFTY,70,2026-12-01,Circular"


def bodies(world):
    """A good body for every operation that takes one."""
    strategy = {
        "name": "Strangle", "legs": [LEG], "accounts": [{"account_id": world.account, "multiplier": "1"}],
        "on_failure": "unwind",
    }  # fmt: skip
    return {
        ("POST", "/api/v1/accounts"): ACCOUNT | {"venue_kind": "openalgo"},
        ("PUT", "/api/v1/accounts/{account_id}"): ACCOUNT | {"clear_proxy": False, "version": 1, "password": PASSWORD},
        ("POST", "/api/v1/accounts/{account_id}/move"): {"direction": "up"},
        ("POST", "/api/v1/strategies"): strategy,
        ("PUT", "/api/v1/strategies/{strategy_id}"): strategy | {"version": 1},
        ("POST", "/api/v1/journal/orders/{order_id}/adopt"): {"venue_order_id": "v1"},
        ("POST", "/api/v1/runs"): {"strategy_id": world.strategy},
        ("POST", "/api/v1/orders"): {
            "side": "BUY", "product": "NRML", "quantity": "2", "unit": "lots", "price_type": "SL", "price": "100",
            "trigger_price": "99", "accounts": [{"account_id": world.account, "multiplier": "1"}], **NIFTY,
        },
        ("POST", "/api/v1/journal/orders/{order_id}/change"): {
            "quantity": None, "price_type": "SL", "price": "100", "trigger_price": "99",
        },
        ("POST", "/api/v1/journal/orders/cancel"): {
            "order_ids": [world.order], "account_id": None, "symbol": None, "run_id": None, "all": False,
        },
        ("POST", "/api/v1/positions/close"): {"account_id": world.account, "product": "NRML", **NIFTY},
        ("POST", "/api/v1/differences/{difference_id}/adopt"): {"quantity": "65"},
        ("POST", "/api/v1/differences/{difference_id}/accept"): {"quantity": "65"},
        ("POST", "/api/v1/leg-runs/{leg_run_id}/accept"): {"quantity": "65"},
        ("PUT", "/api/v1/accounts/{account_id}/trading-state"): {"state": "REDUCING", "why": "lunch"},
        ("PUT", "/api/v1/risk/state"): {"state": "REDUCING", "why": "lunch", "kind": "user"},
        ("POST", "/api/v1/risk/kill"): {"kind": "account", "id": world.account, "flatten": False, "why": "lunch"},
        ("POST", "/api/v1/risk/release"): {
            "kind": "account", "id": world.account, "password": PASSWORD, "confirm": "RELEASE",
        },
        ("PUT", "/api/v1/risk/limits/desk"): LIMITS,
        ("PUT", "/api/v1/risk/limits/accounts/{account_id}"): LIMITS,
        ("POST", "/api/v1/risk/limits/blocks/{event_id}/release"): {"why": "one more trade"},
        ("POST", "/api/v1/tokens"): {
            "name": "bot", "scopes": ["read"], "allowed_ips": ["127.0.0.1"], "expires_at": None, "password": PASSWORD,
        },
        ("POST", "/api/v1/watchlists"): {"name": "Banks"},
        ("PUT", "/api/v1/watchlists/{watchlist_id}"): {"name": "Old banks"},
        ("POST", "/api/v1/watchlists/{watchlist_id}/symbols"): NIFTY,
        ("POST", "/api/v1/watchlists/{watchlist_id}/remove"): NIFTY,
        ("POST", "/api/v1/watchlists/{watchlist_id}/move"): {"direction": "up", **NIFTY},
        ("POST", "/api/v1/watchlists/{watchlist_id}/paste"): {"text": "NFO:NIFTY24DEC2624400CE"},
        ("POST", "/api/v1/alerts"): {
            "subject": "price", "condition": "moves", "level": "5", "reference": "100", "ratio": None,
            "other_exchange": "", "other_symbol": "", **AGAIN, **NIFTY,
        },
        ("PUT", "/api/v1/alerts/{alert_id}"): {
            "subject": "pnl", "account_id": world.account, "condition": "below", "level": "-5000", **AGAIN,
        },
        ("POST", "/api/v1/overrides"): {
            "kind": "freeze_quantity", "exchange": "NFO", "subject": "NIFTY", "value": "1755",
            "effective_from": "2026-12-01", "source": "NSE/FAOP/70616", "reason": "The list is a day behind",
        },
        ("POST", "/api/v1/overrides/{override_id}/end"): {"reason": "The list is right again"},
        ("POST", "/api/v1/overrides/file"): {"csv": CSV, "reason": "Circular of 28 Nov", "apply": False},
        ("POST", "/api/v1/payoff"): {"legs": [LEG], "day": "2026-12-24", "spot": "1", "volatility": "-2", "wait": 0},
        ("POST", "/api/v1/strategies/import"): {
            "format": "mirrordesk-strategy", "format_version": 1, "name": "Strangle", "legs": [LEG],
            "accounts": [{"account": "Demo 1", "multiplier": "1"}],
        },
        ("POST", "/api/v1/strategies/{strategy_id}/versions/{number}/restore"): {"version": 1},
        ("POST", "/api/v1/strategies/{strategy_id}/arm"): {"version": 1},
        ("POST", "/api/v1/strategy-templates"): {"strategy_id": world.strategy, "name": "Ours"},
        ("PUT", "/api/v1/sizing"): {
            "grades": [{"name": "A", "percent": "95"}], "on_stale": "refuse", "funds_age": 120,
            "margins": [{"exchange": "NFO", "underlying": "NIFTY", "option": "250000"}],
        },
        ("POST", "/api/v1/recordings"): {"what": "symbols", "symbols": ["NSE_INDEX:NIFTY"]},
        ("POST", "/api/v1/replays"): {
            "strategy_id": world.strategy, "tape": "recording", "recording_id": world.recording, "enter_at": "09:20",
            "slippage": "0.5",
        },
        ("POST", "/api/v1/signals/process"): {
            "webhook_id": world.webhook, "action": "enter", "id": "2026-11-23 09:20", "test": False,
        },
        ("PUT", "/api/v1/trade-journal/{entry_id}"): {"note": "Late", "tags": ["breakout"], "version": 1},
    }  # fmt: skip


TRIED = list(bodies(SimpleNamespace(account="", strategy="", order="", recording="", webhook="")))


def spoiled(body):
    """(field, name of what is wrong, the body as text) for each field, also those inside lists."""
    for field, value in body.items():
        for kind, bad in BAD.items():
            yield field, kind, json.dumps(body | {field: "@"}).replace('"@"', bad)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for inner, kind, text in spoiled(value[0]):
                yield inner, kind, json.dumps(body | {field: ["@"]}).replace('"@"', text)


@pytest.fixture
def caller(person):
    return person


@pytest.fixture
def world(world, services):
    """With the facts that ship with the desk."""
    services.instruments.seed()
    return world


@pytest.fixture
def send(caller, world):
    def send(method, path, data, content_type="application/json", key="k"):
        headers = {"Idempotency-Key": key} if method == "POST" else {}
        return caller.call(method, address(path, world), data=data, content_type=content_type, headers=headers)

    return send


def refused(answer, statuses=(422,)):
    assert answer.status_code in statuses, (answer.request.path, answer.status_code, answer.text[:500])
    assert set(answer.json["error"]) >= {"code", "message", "id"}
    return answer.json["error"]


def test_every_operation_that_takes_a_body_is_tried_here(app, world):
    taking = {(route.method, route.path) for route in routes(app) if route.declared.takes}
    assert taking == set(bodies(world)) == set(TRIED)


@pytest.mark.parametrize(("method", "path"), TRIED)
def test_every_field_refuses_what_it_can_not_hold(world, services, send, method, path):
    body = bodies(world)[method, path]
    before = snapshot(services.db)
    for field, kind, text in spoiled(body):
        if field in FINE.get(kind, ()) or field in FINE_THERE.get(path, {}).get(kind, ()):
            continue
        if kind == "foreign" and path in NAMES_A_ROW:
            refused(send(method, path, text), (404, 409, 422))
            continue
        answer = send(method, path, text)
        assert answer.status_code == 422, (field, kind, answer.text)
        fields = answer.json["error"]["fields"]
        assert kind == "zero byte" or any(field in name or name in ("legs.0", "accounts") for name in fields), (
            field,
            kind,
            fields,
        )
    assert without_tries(snapshot(services.db)) == without_tries(before)


def without_tries(tables):
    """Tries of a password are counted on purpose."""
    return {name: rows for name, rows in tables.items() if name != "sign_in_attempts"}


def test_what_may_stand_there_is_not_refused_as_a_mistake(world, send):
    path = "/api/v1/strategies"
    body = bodies(world)["POST", path]
    made = send("POST", path, json.dumps(body | {"name": "🚀"}))
    assert (made.status_code, made.json["name"]) == (201, "🚀")


def test_bodies_that_are_no_json_object_are_refused(world, services, send):
    before = snapshot(services.db)
    for method, path in bodies(world):
        good = json.dumps(bodies(world)[method, path])
        assert refused(send(method, path, good[:-2]), (400,))["code"] == "BAD_REQUEST"
        refused(send(method, path, ""), (400,))
        refused(send(method, path, "[" * 100_000), (400,))
        refused(send(method, path, b"\xff\xfe\x00"), (400, 422))
        refused(send(method, path, good, "application/x-www-form-urlencoded"), (415,))
        refused(send(method, path, "a=1", "text/plain"), (415,))
        assert refused(send(method, path, "x" * 1_000_001), (413,))["code"] == "BODY_TOO_LARGE"
        for text in ("[]", "null", "7", '"text"', "NaN"):
            assert set(refused(send(method, path, text))["fields"]) == {"body"}, text
        strange = json.dumps(bodies(world)[method, path] | {"owner_id": "x"})
        assert set(refused(send(method, path, strange))["fields"]) == {"owner_id"}
        if path not in MAY_BE_EMPTY:
            assert refused(send(method, path, "{}"))["fields"]
    assert snapshot(services.db) == before


def test_an_operation_without_a_body_takes_none(world, services, caller):
    before = snapshot(services.db)
    for path in (f"runs/{world.run}/exit", f"journal/orders/{world.order}/cancel", f"accounts/{world.account}/pause"):
        fields = caller.post(f"/api/v1/{path}", {"reason": "x"}, 422)["error"]["fields"]
        assert set(fields) == {"reason"}
        caller.call("POST", f"/api/v1/{path}", 415, data="x")
    assert snapshot(services.db) == before


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=-1", "limit=1e30", "limit=NaN", "limit=true", "limit=x", "limit=201", "status=nothing",
        "since=yesterday", "since=2026-11-20T10:00:00", "since=0001-01-01T00:00:00%2B14:00", "before=%27", "owner_id=x",
        "account_id=%00", "symbol=%00", "symbol=" + "x" * 65, "account_id=" + "x" * 41,
    ],
)  # fmt: skip
def test_a_wrong_query_is_told_by_field(caller, query):
    assert caller.get(f"/api/v1/journal/orders?{query}", 422)["error"]["fields"]


@pytest.mark.parametrize("key", ["", " ", "x" * 129, "schlüssel".encode("latin-1").decode("latin-1"), "a b"])
def test_a_key_must_be_a_plain_word(caller, world, key):
    answer = caller.call("POST", f"/api/v1/runs/{world.run}/exit", 422, headers={"Idempotency-Key": key})
    assert set(answer.json["error"]["fields"]) == {"Idempotency-Key"}


def test_an_id_that_can_be_none_is_not_found(caller):
    for strange in ("%00", "x" * 300, "🚀", "a'b", "..%2f.."):
        caller.get(f"/api/v1/runs/{strange}", 404)


def test_a_desk_of_rows_is_untouched_by_a_wrong_method(caller, world, services):
    before = snapshot(services.db)
    caller.call("PATCH", f"/api/v1/accounts/{world.account}", 405, json={})
    caller.call("DELETE", f"/api/v1/runs/{world.run}", 405)
    assert snapshot(services.db) == before
