"""The trade book and the holdings over all accounts, as the venues say, with their age; and one account's books."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from app.accounts.models import Account
from app.broadcast.parts import Part
from app.web import format as say
from app.web.book_view import (
    Line,
    Reading,
    Total,
    holding_totals,
    newest_first,
    read_part,
    reading,
    trade_totals,
    with_orders,
)
from app.web.current import owner_id, services

bp = Blueprint("books", __name__)

PAGE = 100
SHOWN = 20  # rows of a book on the page of its account
LONGEST_SYMBOL = 64
SIDES = {"": "Buys and sells", "BUY": "Buys", "SELL": "Sells"}
Cell = Decimal | date | str | int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    account_id: str = ""
    symbol: str = ""
    side: str = ""
    after: int = 0  # rows before this page

    def params(self, **changed: str | int) -> dict[str, str | int]:
        """The filter as a query string's values, with some changed; empty ones left out."""
        now: dict[str, str | int] = {"account": self.account_id, "symbol": self.symbol, "side": self.side}
        return {name: value for name, value in (now | changed).items() if value}


@dataclass(frozen=True, slots=True)
class Book:
    """`lines` are those of this page, `size` counts all that were wanted."""

    wanted: Wanted
    accounts: Sequence[Account]
    lines: Sequence[Line]
    size: int
    totals: Sequence[Total]
    readings: Sequence[Reading]

    @property
    def stale(self) -> list[Reading]:
        return [one for one in self.readings if one.is_stale]

    @property
    def older(self) -> int:
        """Where the next page begins; 0 on the last."""
        end = self.wanted.after + len(self.lines)
        return end if end < self.size else 0

    @property
    def newer(self) -> int | None:
        return max(0, self.wanted.after - PAGE) if self.wanted.after else None

    @property
    def shown(self) -> str:
        first = self.wanted.after + 1
        return f"{first}–{self.wanted.after + len(self.lines)} of {self.size}" if self.lines else "none"


@bp.get("/trades")
def trades() -> ResponseReturnValue:
    return render_template("books/trades.html", book=_trades(), sides=SIDES)


@bp.get("/trades/rows")
def trade_rows() -> ResponseReturnValue:
    return render_template("books/_trades.html", book=_trades(), sides=SIDES)


@bp.get("/trades.csv")
def trades_file() -> Response:
    lines, *_ = wanted_trades(wanted_here())
    head = ("account", "mode", "time", "exchange", "symbol", "side", "quantity", "price", "value", "fee", "currency",
            "trade_id", "order_id")  # fmt: skip
    rows: Iterable[Sequence[Cell]] = (
        (
            line.account.name, line.account.mode, line.at, line["exchange"], line["symbol"], line["side"],
            line.figure("quantity"), line.figure("price"), line.figure("value"), line.figure("fee"),
            line.account.currency, line["id"], line["order_id"],
        )
        for line in lines
    )  # fmt: skip
    return _file("trades", head, rows)


@bp.get("/holdings")
def holdings() -> ResponseReturnValue:
    return render_template("books/holdings.html", book=_holdings())


@bp.get("/holdings/rows")
def holding_rows() -> ResponseReturnValue:
    return render_template("books/_holdings.html", book=_holdings())


@bp.get("/holdings.csv")
def holdings_file() -> Response:
    lines, *_ = wanted_holdings(wanted_here())
    head = ("account", "mode", "exchange", "symbol", "product", "quantity", "average_price", "last_price", "invested",
            "value", "pnl", "currency")  # fmt: skip
    rows: Iterable[Sequence[Cell]] = (
        (
            line.account.name, line.account.mode, line["exchange"], line["symbol"], line["product"],
            line.figure("quantity"), line.figure("average_price"), line.figure("last_price"), line.invested,
            line.worth, line.figure("pnl"), line.account.currency,
        )
        for line in lines
    )  # fmt: skip
    return _file("holdings", head, rows)


@bp.get("/accounts/<account_id>/books")
def account_books(account_id: str) -> ResponseReturnValue:
    return render_template("accounts/_books.html", **books_of(account_id))


def books_of(account_id: str) -> dict[str, Any]:
    """Everything the venue says of one account; the first paint of its page and each refresh use the same."""
    account = services().accounts.get(owner_id(), account_id)
    views, now = services().cached.of([account_id])[account_id], services().clock.now()
    lines = {part: [Line(account, row) for row in views[part].rows] if part in views else [] for part in Part}
    orders = newest_first(lines[Part.ORDERS])
    trades_ = newest_first(lines[Part.TRADES])
    return {
        "account": account,
        "readings": {part.value: reading(account, views.get(part), now) for part in Part},
        "funds": next(iter(lines[Part.FUNDS]), None),
        "positions": sorted(lines[Part.POSITIONS], key=lambda line: (not line.figure("quantity"), line["symbol"])),
        "orders": with_orders(orders[:SHOWN], "id"),
        "trades": trades_[:SHOWN],
        "holdings": sorted(lines[Part.HOLDINGS], key=lambda line: str(line["symbol"])),
        "sizes": {part.value: len(found) for part, found in lines.items()},
    }


def wanted_here() -> Wanted:
    asked = request.args
    after, side = asked.get("after", ""), asked.get("side", "").upper()
    return Wanted(
        account_id=asked.get("account", ""),
        symbol=asked.get("symbol", "").replace("\x00", "").strip().upper()[:LONGEST_SYMBOL],
        side=side if side in SIDES else "",
        after=int(after) if after.isdecimal() and len(after) < 8 else 0,
    )


def wanted_trades(wanted: Wanted) -> tuple[list[Line], list[Reading], list[Account]]:
    """All that fit, the newest first; and all of the owner's accounts."""
    lines, readings, accounts = _read(wanted, Part.TRADES)
    return newest_first(line for line in lines if wanted.side in ("", line["side"])), readings, accounts


def wanted_holdings(wanted: Wanted) -> tuple[list[Line], list[Reading], list[Account]]:
    """What is held: the biggest first."""
    lines, readings, accounts = _read(wanted, Part.HOLDINGS)
    held = [line for line in lines if line.figure("quantity")]
    return sorted(held, key=lambda line: (-(line.worth or 0), line["symbol"], line.account.name)), readings, accounts


def _read(wanted: Wanted, part: Part) -> tuple[list[Line], list[Reading], list[Account]]:
    """Only the caller's own accounts, whatever the address says."""
    accounts = services().accounts.list(owner_id())
    chosen = [account for account in accounts if wanted.account_id in ("", account.id)]
    lines, readings = read_part(chosen, part)
    return [line for line in lines if wanted.symbol in line["symbol"]], readings, list(accounts)


def _trades() -> Book:
    wanted = wanted_here()
    lines, readings, accounts = wanted_trades(wanted)
    page = with_orders(lines[wanted.after : wanted.after + PAGE])
    return Book(wanted, accounts, page, len(lines), trade_totals(lines), readings)


def _holdings() -> Book:
    wanted = wanted_here()
    lines, readings, accounts = wanted_holdings(wanted)
    page = lines[wanted.after : wanted.after + PAGE]
    return Book(wanted, accounts, page, len(lines), holding_totals(lines), readings)


def _file(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([say.csv(cell) for cell in row] for row in rows)
    day = services().clock.now().astimezone(say.IST).date()
    response = Response(text.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{day}.csv"'
    return response
