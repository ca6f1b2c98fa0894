"""How long pages take on a busy desk: 50 accounts, 10,000 orders filled today, one run in all accounts.

The bound is nothing: a page needs no venue. Each page is asked for in turn, cold once and then warm.
"""

import gc
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog
from flask.testing import FlaskClient
from sqlalchemy import insert

import config
from app import wiring
from app.accounts.models import Account, AccountHealth
from app.core.ids import new_id
from app.execution.models import Fill, Intent, Order, OrderEvent
from app.strategies.models import AccountRun, LegRun, Run, Strategy, StrategyAccount
from app.tables import declared
from app.web import create_app
from app.wiring import Services
from tests.web.client import Browser

SYMBOLS = ("NIFTY24DEC2624400CE", "NIFTY24DEC2624400PE", "NIFTY24DEC2625000CE", "NIFTY24DEC2623800PE")
LOT = Decimal(65)
PASSWORD = "seven lanterns by the canal"


def measure(accounts: int, orders: int, repeat: int, wall: bool = False) -> dict[str, dict[str, float]]:
    """Milliseconds by page: cold, median and 95th percentile warm."""
    clock = time.perf_counter if wall else time.process_time
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(prefix="mirrordesk-pages-") as folder:
        services = wiring.build(replace(config.load(), instance=Path(folder), database_url=f"sqlite:///{folder}/d.db"))
        declared().create_all(services.db.writer)
        client = _signed_in(services)
        gc.freeze()  # as the web's workers do
        run_id = fill(services, accounts, orders)
        pages = ("/", "/positions", "/orders", f"/runs/{run_id}", "/runs", "/accounts", "/strategies")
        found = {path.replace(run_id, "<run>"): _times(client, path, repeat, clock) for path in pages}
        services.close()
    return found


def tell(result: dict[str, dict[str, float]]) -> str:
    return "\n".join(
        f"{page:14} cold {one['cold']:6.1f} ms   warm p50 {one['p50']:6.1f}   p95 {one['p95']:6.1f}"
        for page, one in result.items()
    )


def _signed_in(services: Services) -> FlaskClient:
    app = create_app(services)
    app.testing = True
    browser = Browser(app.test_client())
    browser.submit("/first-run", name="Asha", password=PASSWORD)
    return browser.client


def _times(
    client: FlaskClient, path: str, repeat: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    taken = []
    for _ in range(repeat + 1):
        begun = clock()
        answer = client.get(path)
        taken.append((clock() - begun) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
    cold, *warm = taken
    return {"cold": cold, "p50": statistics.median(warm), "p95": statistics.quantiles(warm, n=20)[-1]}


def fill(services: Services, accounts: int, orders: int) -> str:
    """The rows of such a desk; the id of its run."""
    owner_id, now = services.users.people.named("Asha").id, services.clock.now()
    ids = [new_id() for _ in range(accounts)]
    with services.db.write() as session:
        session.execute(insert(Account), [_account(owner_id, i, n, now) for n, i in enumerate(ids)])
        session.execute(insert(AccountHealth), [{"account_id": i, "state": "ok", "mode": "live"} for i in ids])
        strategy, run = new_id(), new_id()
        both = {"owner_id": owner_id, "name": "Condor", "legs": [], "on_failure": "unwind", "venue_kind": "openalgo"}
        session.execute(insert(Strategy), [both | {"id": strategy, "created_at": now, "updated_at": now}])
        shares = [{"id": new_id(), "strategy_id": strategy, "account_id": i, "multiplier": Decimal(1)} for i in ids]
        session.execute(insert(StrategyAccount), shares)
        more = {"id": run, "strategy_id": strategy, "key": "k", "version": 1, "accounts": [], "state": "open"}
        session.execute(insert(Run), [both | more | {"requested_at": now, "started_at": now}])
        legs = _run(session, owner_id, run, ids, now)
        rows = [_order(owner_id, ids[n % accounts], n, legs, now) for n in range(orders)]
        session.execute(insert(Intent), [row["intent"] for row in rows])
        session.execute(insert(Order), [row["order"] for row in rows])
        session.execute(insert(OrderEvent), [event for row in rows for event in row["events"]])
        session.execute(insert(Fill), [row["fill"] for row in rows])
    return run


def _account(owner_id: str, account_id: str, number: int, now: Any) -> dict[str, Any]:
    name = f"Account {number:03}"
    return {
        "id": account_id, "owner_id": owner_id, "name": name, "name_key": name.casefold(), "venue_kind": "openalgo",
        "host_url": "http://127.0.0.1:1", "stream_url": "ws://127.0.0.1:1", "api_key_sealed": "x", "enabled": True,
        "failover_rank": number + 1, "default_product": "NRML", "expected_mode": "live", "currency": "INR",
        "created_at": now, "updated_at": now,
    }  # fmt: skip


def _run(session: Any, owner_id: str, run: str, ids: list[str], now: Any) -> dict[tuple[str, int], tuple[str, str]]:
    """Parts and legs; (part, leg) by account and number."""
    parts = {account: new_id() for account in ids}
    legs = {(account, n): (part, new_id()) for account, part in parts.items() for n in range(len(SYMBOLS))}
    session.execute(insert(AccountRun), [
        {"id": part, "run_id": run, "owner_id": owner_id, "account_id": account, "multiplier": Decimal(1),
         "on_failure": "unwind", "state": "open", "started_at": now} for account, part in parts.items()
    ])  # fmt: skip
    session.execute(insert(LegRun), [
        {"id": leg, "account_run_id": part, "number": n + 1, "exchange": "NFO", "symbol": SYMBOLS[n], "side": "SELL",
         "lots": 1, "lot_size": LOT, "tick": Decimal("0.05"), "quantity": LOT, "product": "NRML",
         "price_type": "MARKET"} for (_, n), (part, leg) in legs.items()
    ])  # fmt: skip
    return legs


def _order(owner_id: str, account: str, number: int, legs: Any, now: Any) -> dict[str, Any]:
    """Of the first ones each is a leg's entry; the others were traded by hand, in and out."""
    leg = (number // (len(legs) // len(SYMBOLS))) % len(SYMBOLS)
    part, leg_run = legs[account, leg] if number < len(legs) else (None, None)
    at = now - timedelta(milliseconds=number)
    intent, order = new_id(), new_id()
    both = {
        "owner_id": owner_id, "account_id": account, "account_run_id": part, "leg_run_id": leg_run,
        "purpose": "entry" if part else "manual", "exchange": "NFO", "symbol": SYMBOLS[leg],
        "side": "SELL" if number % 2 or part else "BUY", "quantity": LOT, "price_type": "MARKET", "product": "NRML",
        "created_at": at,
    }  # fmt: skip
    price = Decimal(17000 + number % 97) / 100
    done = {
        "state": "filled", "venue_order_id": order, "filled_quantity": LOT, "average_price": price, "sent_at": at,
        "answered_at": at, "filled_at": at, "updated_at": at, "failure": "", "reason": "",
    }  # fmt: skip
    steps = [("", "new"), ("new", "sending"), ("sending", "open"), ("open", "filled")]
    return {
        "intent": both | {"id": intent, "key": intent},
        "order": both | done | {"id": order, "intent_id": intent},
        "events": [
            {"order_id": order, "at": at, "source": "push", "from_state": a, "to_state": b, "detail": ""}
            for a, b in steps
        ],
        "fill": {"id": new_id(), "order_id": order, "key": "1", "quantity": LOT, "price": price, "at": at,
                 "source": "push"},
    }  # fmt: skip
