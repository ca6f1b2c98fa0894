"""Books of accounts as the engine's keeper leaves them, for pages and the API to show."""

from datetime import timedelta
from decimal import Decimal

from app.broadcast.keeper import Keeper
from app.broadcast.parts import Part, funds_rows, held_rows, order_rows, trade_rows
from app.core.clock import INDIA
from app.venues.types import (
    FundsReport,
    HoldingReport,
    OrderReport,
    OrderStatus,
    PositionReport,
    PriceType,
    Side,
    Symbol,
    TradeReport,
)
from tests.broadcast.conftest import KeepingLink

CALL, SBIN = Symbol("NFO", "NIFTY24DEC2624400CE"), Symbol("NSE", "SBIN")
FRESH = timedelta(seconds=30)


class Books:
    """`keep(account, …)` stores what was read now, or so many seconds ago."""

    def __init__(self, services) -> None:
        self.services = services
        self.link = KeepingLink()
        self.keeper = Keeper(services.db, self.link, services.clock, lambda _event: None)

    def keep(self, account, part, rows, ago=0):
        self.keeper.took(account.id, part, rows, self.services.clock.now() - timedelta(seconds=ago), FRESH)
        self.keeper.step()

    def funds(self, account, available="95000", ago=0):
        self.keep(account, Part.FUNDS, funds_rows(FundsReport(Decimal(available), Decimal(5000)), "INR"), ago)

    def positions(self, account, quantity=-150, ago=0):
        report = PositionReport(CALL, "NRML", Decimal(quantity), Decimal("171.05"), Decimal("168.4"), Decimal("397.5"))
        self.keep(account, Part.POSITIONS, held_rows([report]), ago)

    def orders(self, account, name="v1", ago=0):
        report = OrderReport(
            name, CALL, Side.SELL, Decimal(150), PriceType.LIMIT, "NRML", OrderStatus.OPEN, "open", price=Decimal(172),
            at=self.services.clock.now().astimezone(INDIA),
        )  # fmt: skip
        self.keep(account, Part.ORDERS, order_rows([report]), ago)

    def trades(self, account, *sides, order_id="v1", ago=0, symbol=CALL):
        now = self.services.clock.now()
        reports = [
            TradeReport(order_id, symbol, Side(side), Decimal(75), Decimal("171.05"), at=now + timedelta(seconds=i))
            for i, side in enumerate(sides)
        ]
        self.keep(account, Part.TRADES, trade_rows(reports), ago)

    def holdings(self, account, quantity=100, ago=0):
        report = HoldingReport(SBIN, "CNC", Decimal(quantity), Decimal(800), Decimal(812), Decimal(1200))
        self.keep(account, Part.HOLDINGS, held_rows([report]), ago)
