"""A whole desk for tests: services and engine in this process, paper brokers in a real process of their own."""

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from app.commands.demo import always_open
from app.engine import assembly
from app.engine.attendant import Attendant
from app.execution.models import Order
from app.strategies.legs import Draft
from app.strategies.models import AccountRun, Run
from app.users.door import Visitor
from app.wiring import Services, build
from config import load
from tests.databases import lay_tables
from tests.migrated import migrate
from tests.paper.running import PaperServer
from tests.waiting import until

PASSWORD = "correct horse battery staple"
IRON_FLY = [
    {"action": "BUY", "kind": "CE", "underlying": "NIFTY", "strike": "OTM4", "lots": 2},
    {"action": "BUY", "kind": "PE", "underlying": "NIFTY", "strike": "OTM4", "lots": 2},
    {"action": "SELL", "kind": "CE", "underlying": "NIFTY", "strike": "ATM", "lots": 2},
    {"action": "SELL", "kind": "PE", "underlying": "NIFTY", "strike": "ATM", "lots": 2},
]


def settings_for(folder: Path, **more: Any) -> Any:
    return replace(
        load({"MIRRORDESK_INSTANCE": str(folder)}),
        **({"order_book_poll_seconds": 0.2, "unknown_window_seconds": 3.0, "unknown_lookups": 3} | more),
    )


class TestDesk:
    """One owner with an account at each paper broker."""

    __test__ = False

    def __init__(self, folder: Path, paper: PaperServer, role: str = "engine", **settings: Any) -> None:
        self.paper = paper
        self.settings = settings_for(folder, **settings)
        lay = lay_tables if role == "engine" else migrate  # an engine that is a process of its own looks at the version
        lay(self.settings.database_url)
        self.services: Services = build(self.settings, role)
        self.services.instruments.seed()
        always_open(self.services)
        door = self.services.users.door
        self.owner_id = door.found("trader", PASSWORD, Visitor("127.0.0.1", "tests")).user.id
        self.accounts: dict[str, str] = {}
        for broker in paper.brokers.values():
            self.accounts[broker.name] = self.add_account(broker.name, broker.rest_url, broker.ws_url, broker.api_key)
        self.engine: assembly.Engine | None = None

    def add_account(self, name: str, rest_url: str, ws_url: str, api_key: str, **more: Any) -> str:
        values = {
            "name": name, "venue_kind": "openalgo", "host_url": rest_url, "stream_url": ws_url, "api_key": api_key,
            "default_product": "NRML", "expected_mode": "live", "max_in_flight": "10", "orders_per_second": "10",
        }  # fmt: skip
        return self.services.accounts.add(self.owner_id, values | more).id

    @property
    def option(self) -> str:
        """A call of NIFTY about the money that lives for a week at least, whatever day it is."""
        days = self.services.instruments.expiries("openalgo", "NFO", "NIFTY", ("CE",))
        return f"NIFTY{days[1]:%d%b%y}26050CE".upper()

    @cached_property
    def zone(self) -> str:
        """One in which it is neither just before nor just after midnight."""
        now = self.services.clock.now()
        zones = ("Asia/Kolkata", "America/New_York", "Europe/London")
        return next(zone for zone in zones if 1 <= now.astimezone(ZoneInfo(zone)).hour <= 22)

    def start(self) -> None:
        self.engine = assembly.build(self.services)
        self.engine.start()
        assert self.engine.wait_until_leading(30)
        until(self.is_ready, 90)

    def is_ready(self) -> bool:
        """Connected everywhere, the books read once, the masters there."""
        members = list(self.engine.crew)
        kinds = {master.exchange for master in self.services.instruments.masters()}
        return (
            len(members) == len(self.accounts)
            and all(member.attendant.book_read_at and member.attendant.stream_state == "live" for member in members)
            and {"NFO", "BFO", "NSE", "NSE_INDEX", "BSE_INDEX"} <= kinds
        )

    def read_all(self) -> None:
        """Every book of every account is read now: of a flat account none is read again by itself for half a minute."""
        asked_at = self.services.clock.now()
        readers = [member.attendant for member in self.engine.crew]
        for reader in readers:
            reader.sweep_now()
        until(lambda: all(has_swept(reader, asked_at) for reader in readers), 60)

    def stop(self) -> None:
        if self.engine is not None:
            self.engine.stop()
            self.engine = None
        self.services.close()

    def strategy(self, legs: Sequence[dict[str, Any]] = IRON_FLY, name: str = "Iron fly", **more: Any) -> str:
        shares = [{"account_id": account_id} for account_id in self.accounts.values()]
        draft = Draft.model_validate({"name": name, "legs": list(legs), "accounts": shares} | more)
        return self.services.strategies.create(self.owner_id, draft)

    def run(self, strategy_id: str, key: str = "click-1") -> str:
        run_id = self.services.strategies.run(self.owner_id, strategy_id, key)
        self.engine.loops["starts"].nudge()
        return run_id

    def exit(self, run_id: str) -> bool:
        decided = self.services.strategies.exit_run(self.owner_id, run_id, "by hand", "trader")
        self.engine.loops["runs"].nudge()
        return decided

    def run_row(self, run_id: str) -> Run:
        return self.services.strategies.get_run(self.owner_id, run_id)

    def parts(self, run_id: str) -> dict[str, AccountRun]:
        names = {account_id: name for name, account_id in self.accounts.items()}
        return {names[part.account_id]: part for part in self.services.strategies.parts(self.owner_id, run_id)}

    def orders(self, broker: str = "") -> list[Order]:
        query = select(Order).order_by(Order.id)
        if broker:
            query = query.where(Order.account_id == self.accounts[broker])
        with self.services.db.read() as session:
            return list(session.scalars(query))

    def until_state(self, run_id: str, *states: str, timeout: float = 60) -> str:
        until(lambda: self.run_row(run_id).state in states, timeout)
        return self.run_row(run_id).state

    def assert_books_agree(self) -> None:
        """Every order at each broker is one of ours, every one of ours is there at most once, and fills add up."""
        for broker in self.accounts:
            assert_agrees(self.paper, broker, self.orders(broker))


def has_swept(reader: Attendant, asked_at: datetime) -> bool:
    """To the end, in a sweep that began since then."""
    began_at = reader.positions_read_at or asked_at
    return began_at > asked_at and (reader._swept_at or asked_at) > began_at


def assert_agrees(paper: PaperServer, broker: str, ours: Sequence[Order]) -> None:
    books = paper.books(broker)
    theirs = {row["orderid"]: row for row in books["orders"]}
    named = [order for order in ours if order.venue_order_id and order.price_type != "OCO"]  # a trigger is no order
    by_venue_id = {order.venue_order_id: order for order in named}
    assert len(by_venue_id) == len(named)
    assert set(theirs) == set(by_venue_id), f"{broker}: {set(theirs) ^ set(by_venue_id)}"
    for name, order in by_venue_id.items():
        row = theirs[name]
        assert (row["symbol"], row["action"], row["quantity"]) == (order.symbol, order.side, int(order.quantity))
        assert row["filled"] == int(order.filled_quantity), f"{broker} {name}: {row} {order.state}"


@contextmanager
def desk(folder: Path, brokers: Sequence[str] = ("alpha", "beta", "gamma"), **settings: Any):
    started = datetime.now(UTC)
    with PaperServer([{"name": name, "mode": "live"} for name in brokers], start="now") as paper:
        assert started
        made = TestDesk(folder, paper, **settings)
        try:
            made.start()
            yield made
        finally:
            made.stop()
