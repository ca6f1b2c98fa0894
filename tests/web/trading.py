"""A desk with something on it: accounts, a strategy, a run with its orders; rows as the engine would have left them."""

import re
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from app.accounts.models import Account, AccountHealth
from app.core import errands
from app.core.ids import new_id
from app.execution.models import Fill, Intent, Order, OrderEvent, VenueOrder
from app.strategies.legs import AccountShare, Draft, Leg
from app.strategies.models import AccountRun, LegRun, Run
from app.users.models import User

NIFTY = {"exchange": "NFO", "symbol": "NIFTY24DEC2624400CE"}
RESOLVED = {
    "number": 1, "words": "SELL 28 lots NIFTY", "action": "SELL", "expiry": "2026-12-24", "strike": "24400",
    "price": None, "lot_size": "65", "freeze_quantity": "1755", "product": "NRML", "price_type": "MARKET", **NIFTY,
}  # fmt: skip
SPLIT = {"number": 1, "lots": 28, "quantity": "1820", "slices": ["1755", "65"]}
LIKE_ALL = {"multiplier": "1", "trouble": "", "orders": 2, "margin": "245000.5", "margin_trouble": "", "legs": [SPLIT]}


def timeless(html: str) -> str:
    """Without ages and form tokens, which differ between two looks at the same thing."""
    html = re.sub(r'(data-age-of="\d+">|name="csrf_token" value=")[^<"]*', r"\1", html)
    return re.sub(r"[\d.]+\s(s|min) ago", "", html)


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

    def foreign(self, account: Account, **more) -> VenueOrder:
        usual = {
            "venue_order_id": new_id(), "side": "BUY", "quantity": Decimal(130), "price_type": "LIMIT",
            "product": "NRML", "status": "complete", "first_seen_at": self.now, "last_seen_at": self.now, **NIFTY,
        }  # fmt: skip
        return self.save(VenueOrder(account_id=account.id, **(usual | more)))

    def answer(self, strategy_id: str, *accounts: Account, trouble: str = "", **more) -> str:
        """A preview as the engine answers it; its id."""
        with self.db.write() as session:
            errand = errands.ask(session, self.owner_id, "preview_run", {"strategy_id": strategy_id}, self.now)
        rows = [LIKE_ALL | {"account_id": account.id, "name": account.name} | more for account in accounts]
        answer = {"trouble": trouble, "legs": [RESOLVED], "accounts": rows}
        errands.finish(self.db, errand.id, self.now, answer, None)
        return errand.id
