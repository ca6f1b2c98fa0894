"""A desk with something on it: accounts, a strategy, a run with its orders; rows as the engine would have left them."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sqlalchemy import select

from app.accounts.models import Account, AccountHealth
from app.alerts.models import PriceAlert
from app.core import errands
from app.core.clock import day_in_india
from app.core.ids import new_id
from app.execution.models import Fill, Intent, Order, OrderEvent, OrderTicket, VenueOrder
from app.notify.messages import Message
from app.notify.models import Level
from app.portfolio.models import DayResult, PositionDifference, RoundTrip
from app.replays.models import Recording
from app.replays.terms import Terms
from app.risk.day_monitor import DayStake, DayTrigger
from app.risk.day_rules import DayRules, bounds_of
from app.risk.models import RiskEvent
from app.risk.states import Extent, Kind
from app.signals.draft import Draft as SignalDraft
from app.strategies.legs import AccountShare, Draft, Leg
from app.strategies.models import AccountRun, LegRun, LegWait, Run
from app.users.models import User

NIFTY = {"exchange": "NFO", "symbol": "NIFTY24DEC2624400CE"}
RESOLVED = {
    "number": 1, "words": "SELL 28 lots NIFTY", "action": "SELL", "expiry": "2026-12-24", "strike": "24400",
    "price": None, "trigger_price": None, "price_words": "MARKET", "seen": [],
    "lot_size": "65", "freeze_quantity": "1755", "product": "NRML", "price_type": "MARKET", **NIFTY,
}  # fmt: skip
SPLIT = {"number": 1, "lots": 28, "quantity": "1820", "slices": ["1755", "65"]}
LIKE_ALL = {"multiplier": "1", "trouble": "", "orders": 2, "margin": "245000.5", "margin_trouble": "", "legs": [SPLIT]}


def timeless(html: str) -> str:
    """Without ages and form tokens, which differ between two looks at the same thing."""
    html = re.sub(r'(data-age-of="\d+">|name="csrf_token" value=")[^<"]*', r"\1", html)
    return re.sub(r"[\d.]+\s(s|min) ago", "", html)


TICK_FILE = "000001.parquet"
NOTHING = {"runs": 0, "still_open": 0} | dict.fromkeys(("realised", "total", "charges", "net", "best", "worst"), "0")
NOTHING_TRADED = {"totals": NOTHING, "trades": [], "exits": [], "curve": [], "notes": []}


class Desk:
    """The rows of one person, found by their name."""

    def __init__(self, services, person: str = "Asha") -> None:
        self.services = services
        self.db = services.db
        with self.db.read() as session:
            self.owner_id = session.scalar(select(User.id).where(User.name == person))

    @property
    def now(self):
        return self.services.clock.now()

    def save(self, *rows):
        with self.db.write() as session:
            for row in rows:
                session.add(row)
                session.flush()
        return rows[0]

    def count(self, model) -> int:
        with self.db.read() as session:
            return len(session.scalars(select(model)).all())

    def account(self, name: str = "Demo 1", mode: str = "paper", **more) -> Account:
        account = Account(
            id=new_id(), owner_id=self.owner_id, name=name, name_key=name.casefold(), venue_kind="openalgo",
            host_url="http://127.0.0.1:5000", stream_url="ws://127.0.0.1:8765", api_key_sealed="", enabled=True,
            trading_state="ACTIVE", failover_rank=1, default_product="NRML", expected_mode=mode, broker="demo",
            currency="INR", created_at=self.now, updated_at=self.now, **more,
        )  # fmt: skip
        return self.save(account, AccountHealth(account_id=account.id, state="ok", mode=mode, last_error=""))

    def trip(self, account: Account, day: date, made: object = 1000, mode: str = "live", name: str = "BANKEX") -> str:
        """A trade by hand that is in the books: opened and closed on a day, with charges of fifty."""
        at, trip_id = datetime.combine(day, time(6), UTC), new_id()
        money = {"realised": None if made is None else Decimal(str(made)), "charges": Decimal(50), "orders": 2}
        both = money | {"owner_id": self.owner_id, "account_id": account.id, "mode": mode, "currency": "INR"}
        spans = {"opened_at": at, "closed_at": at, "closed_on": day}
        contract = {"exchange": "NFO", "symbol": NIFTY["symbol"], "underlying": "NIFTY", "turnover": Decimal(10_000)}
        self.save(RoundTrip(id=trip_id, entry_id=trip_id, name=name, **spans, **both))
        self.save(DayResult(trip_id=trip_id, day=day, **contract, **both))
        return trip_id

    def limit(self, account: Account | None = None, **written) -> Extent:
        """Limits of the day of an account, or of the person's desk."""
        extent = Extent(Kind.ACCOUNT, account.id) if account else Extent(Kind.USER, self.owner_id)
        self.services.day_limits.save(self.owner_id, extent, DayRules.model_validate(written))
        return extent

    def touched(self, account: Account, action: str = "block") -> str:
        """Its max loss of the day was reached; the event's id."""
        extent = self.limit(account, max_loss={"value": "20000", "action": action})
        day = day_in_india(self.now)
        (bound,) = bounds_of(self.services.day_limits.of(self.owner_id, extent).rules, extent.slot, day, None)
        stake = DayStake(extent, self.owner_id, account.name, day, Decimal(0), {}, (bound,))
        trigger = DayTrigger(stake, bound, Decimal(-20_000), Decimal(-20_100), Decimal(0), (), self.now)
        with self.db.write() as session:
            return self.services.day_limits.act(session, trigger, self.now).event.id

    def recording(self, title: str = "NSE_INDEX:NIFTY") -> Recording:
        """A recorded day that has ended, with one file."""
        row = self.save(
            Recording(
                id=new_id(), owner_id=self.owner_id, day=self.now.date(), what="symbols", symbols=[title],
                title=title, state="ended", asked_at=self.now, ended_at=self.now, first_at=self.now,
                last_at=self.now, heard=1, ticks=12, dropped=3, size=2048, trouble="",
            )
        )  # fmt: skip
        folder = self.services.recordings.folder(row)
        folder.mkdir(parents=True)
        (folder / TICK_FILE).write_bytes(b"PAR1")
        return row

    def replay(self, strategy_id: str, recording: Recording | None = None) -> str:
        """Asked for, of a recorded or a synthetic day; nobody has played it yet."""
        asked = {"recording_id": recording.id} if recording else {"tape": "synthetic", "start": "2026-11-20T09:15"}
        return self.services.replays.ask(self.owner_id, strategy_id, Terms.model_validate(asked))

    def played(self, strategy_id: str, result: dict | None = None) -> str:
        """A replay that is done."""
        replay_id = self.replay(strategy_id)
        assert self.services.replays.claim() == replay_id
        self.services.replays.finish(replay_id, "f" * 64, b'{"what":"result"}\n', result or NOTHING_TRADED)
        return replay_id

    def limit_event(self, account: Account) -> str:
        """What a limit of it did, as a row alone: nothing is blocked."""
        return self.save(
            RiskEvent(
                id=new_id(), owner_id=self.owner_id, run_id="", reach="account", subject_id=account.id,
                name=account.name, rule="max loss of the day", threshold=Decimal(-20_000), value=Decimal(-20_100),
                prices=[], decided=True, at=self.now, key=new_id(), day=day_in_india(self.now), action="block",
            )
        ).id  # fmt: skip

    def strategy(self, *accounts: Account, name: str = "Iron condor", lots: int = 1) -> str:
        legs = [
            Leg(action=a, kind="CE", underlying="NIFTY", strike=s, lots=lots)
            for a, s in (("BUY", "OTM4"), ("SELL", "OTM2"))
        ]
        shares = [AccountShare(account_id=account.id, multiplier=Decimal(1)) for account in accounts]
        return self.services.strategies.create(self.owner_id, Draft(name=name, legs=legs, accounts=shares))

    def run(self, *accounts: Account, strategy_id: str = "", state: str = "open", trouble: str = "") -> Run:
        strategy_id = strategy_id or self.strategy(*accounts)
        shares = [{"account_id": account.id, "multiplier": "1"} for account in accounts]
        run = self.save(
            Run(
                id=new_id(), owner_id=self.owner_id, strategy_id=strategy_id, key=new_id(),
                name="Iron condor", version=1, legs=[],
                on_failure="unwind", venue_kind="openalgo", accounts=shares, state=state,
                requested_at=self.now, started_at=self.now,
            )
        )  # fmt: skip
        for account in accounts:
            self.part(run, account, state, trouble)
        return run

    def part(self, run: Run, account: Account, state: str = "open", trouble: str = "") -> AccountRun:
        part = self.save(
            AccountRun(
                id=new_id(), run_id=run.id, owner_id=self.owner_id, account_id=account.id, multiplier=Decimal(1),
                on_failure="unwind", state=state, trouble=trouble, started_at=self.now,
            )
        )  # fmt: skip
        leg = self.save(
            LegRun(
                id=new_id(), account_run_id=part.id, number=1, side="SELL", lots=28, lot_size=Decimal(65),
                freeze_quantity=Decimal(1755), tick=Decimal("0.05"), quantity=Decimal(1820), product="NRML",
                price_type="MARKET", **NIFTY,
            )
        )  # fmt: skip
        intent_id = self.intent(account, part, leg)
        for number, quantity in enumerate((1755, 65), start=1):
            self.order(account, quantity, intent_id, part=part, leg=leg, slice=number, slices=2)
        return part

    def waiting_leg(self, run: Run) -> None:
        """A second leg in the first account of a run: it waits for its price to rise by two percent."""
        leg = self.services.strategies.leg_runs(self.owner_id, run.id)[0]
        rows = {"lots": 1, "lot_size": Decimal(65), "tick": Decimal("0.05"), "quantity": Decimal(65)}
        self.save(
            LegRun(
                id="WAITS", account_run_id=leg.account_run_id, number=2, side="SELL", product="NRML",
                price_type="MARKET", waits="waiting", **rows, **NIFTY,
            )
        )  # fmt: skip
        self.save(
            LegWait(
                leg_run_id="WAITS", owner_id=self.owner_id, run_id=run.id, kind="move", rule={"value": "2"},
                reference=Decimal("178.95"), reference_at=self.now, level=Decimal("182.50"), is_above=True,
                price=Decimal("176.10"), price_at=self.now, **NIFTY,
            )
        )  # fmt: skip

    def intent(self, account: Account, part=None, leg=None, quantity: int = 1820) -> str:
        return self.save(
            Intent(
                id=new_id(), owner_id=self.owner_id, key=new_id(), account_id=account.id,
                account_run_id=part and part.id, leg_run_id=leg and leg.id, purpose="entry", side="SELL",
                quantity=Decimal(quantity), price_type="MARKET", product="NRML", created_at=self.now, **NIFTY,
            )
        ).id  # fmt: skip

    def order(
        self, account: Account, quantity: int = 65, intent_id: str = "", *, part=None, leg=None, state="filled", **more
    ):
        at = self.now
        filled = Decimal(quantity) if state == "filled" else Decimal(0)
        values = {
            "purpose": "entry", "side": "SELL", "price_type": "MARKET", "product": "NRML", "venue_order_id": new_id(),
            "filled_quantity": filled, "average_price": Decimal("171.05") if filled else None,
            "filled_at": at + timedelta(milliseconds=131) if filled else None,
            "sent_at": at + timedelta(milliseconds=2), "answered_at": at + timedelta(milliseconds=48), **NIFTY,
        }  # fmt: skip
        order = self.save(
            Order(
                id=new_id(), owner_id=self.owner_id, intent_id=intent_id or self.intent(account, quantity=quantity),
                account_id=account.id, account_run_id=part and part.id, leg_run_id=leg and leg.id, state=state,
                quantity=Decimal(quantity), created_at=at, updated_at=at, **(values | more),
            )
        )  # fmt: skip
        self.save(
            OrderEvent(order_id=order.id, at=at, source="answer", from_state="sending", to_state=state, detail="")
        )
        if filled:
            self.save(
                Fill(order_id=order.id, key="1", quantity=filled, price=Decimal("171.05"), at=at, source="trades")
            )
        return order

    def ticket(self, account: Account, **more) -> OrderTicket:
        """An order by hand that waits to be placed."""
        draft = {
            "side": "BUY", "product": "NRML", "quantity": "2", "unit": "lots", "price_type": "MARKET", "price": None,
            "trigger_price": None, "accounts": [{"account_id": account.id, "multiplier": "1"}], **NIFTY,
        }  # fmt: skip
        usual = {"key": new_id(), "draft": draft, "refused": {}, "created_at": self.now}
        return self.save(OrderTicket(id=new_id(), owner_id=self.owner_id, **(usual | more)))

    def foreign(self, account: Account, **more) -> VenueOrder:
        usual = {
            "venue_order_id": new_id(), "side": "BUY", "quantity": Decimal(130), "price_type": "LIMIT",
            "product": "NRML", "status": "complete", "first_seen_at": self.now, "last_seen_at": self.now, **NIFTY,
        }  # fmt: skip
        return self.save(VenueOrder(account_id=account.id, **(usual | more)))

    def difference(self, account: Account, desk: int, venue: int, **more) -> PositionDifference:
        """As the engine leaves it after two looks at the venue's book."""
        usual = {
            "product": "NRML", "looks": 2, "is_confirmed": True, "reason": "No foreign trade is in today's order book.",
            "first_seen_at": self.now, "last_seen_at": self.now, **NIFTY,
        }  # fmt: skip
        numbers = {"desk_quantity": Decimal(desk), "venue_quantity": Decimal(venue)}
        row = PositionDifference(
            id=new_id(), owner_id=self.owner_id, account_id=account.id, **numbers, **(usual | more)
        )
        return self.save(row)

    def watchlist(self, name: str) -> str:
        return self.services.watchlists.create(self.owner_id, name)

    def alert(self, **more) -> PriceAlert:
        """One on a price that is on."""
        usual = {
            "state": "active", "subject": "price", "condition": "above", "level": Decimal(105), "repeat": "once",
            "created_at": self.now, "changed_at": self.now, **NIFTY,
        }  # fmt: skip
        return self.save(PriceAlert(id=new_id(), owner_id=self.owner_id, **(usual | more)))

    def webhook(self, strategy_id: str, name: str = "A chart", **more) -> tuple[str, str]:
        """Its id and its secret."""
        draft = SignalDraft(name=name, strategy_id=strategy_id, **more)
        return self.services.signals.create(self.owner_id, draft)

    def signal(self, webhook_id: str, **message) -> str:
        """Its id; a test that nobody acts on unless told otherwise."""
        webhook = self.services.signals.get(self.owner_id, webhook_id)
        return self.services.signal_door.take(webhook, {"action": "exit", "id": new_id(), "test": True} | message).id

    def message(self, text: str = "It happened.") -> str:
        """Its id."""
        self.services.notify.tell(self.owner_id, Message(Level.WARN, "feed", "Live prices switched", text, text))
        return self.services.notify.list(self.owner_id)[0].id

    def answer(self, strategy_id: str, *accounts: Account, trouble: str = "", **more) -> str:
        """A preview as the engine answers it; its id."""
        with self.db.write() as session:
            errand = errands.ask(session, self.owner_id, "preview_run", {"strategy_id": strategy_id}, self.now)
        rows = [LIKE_ALL | {"account_id": account.id, "name": account.name} | more for account in accounts]
        answer = {"trouble": trouble, "legs": [RESOLVED], "accounts": rows}
        errands.finish(self.db, errand.id, self.now, answer, None)
        return errand.id
