"""What time does to a set of books: intraday positions are squared off, expiries settle, a new day begins.

Money survives the night to the paisa: the day's realised profit becomes cash, delivery becomes holdings at its cost.
"""

from datetime import date
from decimal import Decimal

from app.paper.books import Books
from app.paper.checks import SQUARE_OFF
from app.paper.ledger import Holding, Ledger, Position
from app.paper.orders import ZERO, Ticket
from app.paper.prices import Prices


def square_off(books: Books, exchange: str) -> None:
    """Cancel the working intraday orders of an exchange, then close its intraday positions at market."""
    for order in list(books.working.values()):
        if order.ticket.product == "MIS" and order.ticket.exchange == exchange:
            books.cancel(order)
    for position in list(books.ledger.positions.values()):
        if position.product == "MIS" and position.contract.exchange == exchange and position.quantity:
            books.place(closing(position), foreign=True)


def closing(position: Position, strategy: str = "") -> Ticket:
    return Ticket(
        symbol=position.contract.symbol,
        exchange=position.contract.exchange,
        action="SELL" if position.quantity > 0 else "BUY",
        quantity=abs(position.quantity),
        pricetype="MARKET",
        product=position.product,
        strategy=strategy,
    )


def due_square_offs(books: Books) -> list[str]:
    clock = books.market.now().time()
    return [exchange for exchange, at in SQUARE_OFF.items() if clock >= at]


def new_day(books: Books, today: date) -> None:
    """Forget yesterday's orders; carry money, open positions and holdings over."""
    books.orders.clear()
    books.working.clear()
    ledger = books.ledger
    for position in ledger.positions.values():
        expiry = position.contract.expiry
        if position.quantity and expiry is not None and expiry < today:
            side = -1 if position.quantity > 0 else 1
            position.apply(side, abs(position.quantity), settlement_price(position, books.prices))
    ledger.cash += ledger.realised
    for position in ledger.positions.values():
        if position.product == "CNC":
            _deliver(ledger, position)
    carried = {key: _carried(p) for key, p in ledger.positions.items() if p.quantity}
    ledger.positions.clear()
    ledger.positions.update(carried)
    ledger.blocked.clear()
    ledger.charges = ZERO
    books.reblock()


def settlement_price(position: Position, prices: Prices) -> Decimal:
    """Futures settle at the underlying's price, options at their intrinsic value."""
    contract = position.contract
    spot = prices.spot(contract)
    if contract.kind == "CE":
        return max(spot - contract.strike, ZERO)
    return max(contract.strike - spot, ZERO) if contract.kind == "PE" else spot


def _carried(position: Position) -> Position:
    return Position(position.contract, position.product, position.quantity, position.cost)


def _deliver(ledger: Ledger, position: Position) -> None:
    """A net purchase moves to holdings at cost; a net sale leaves them, and its proceeds become cash."""
    key = (position.contract.symbol, position.contract.exchange)
    ledger.cash -= position.cost
    held = ledger.holdings.get(key)
    if position.quantity > 0:
        held = held or ledger.holdings.setdefault(key, Holding(position.contract, 0, ZERO))
        held.quantity += position.quantity
        held.cost += position.cost
    elif position.quantity < 0 and held is not None:
        sold = min(held.quantity, -position.quantity)
        held.cost -= held.cost * sold / held.quantity
        held.quantity -= sold
        if not held.quantity:
            del ledger.holdings[key]
    position.quantity, position.cost = 0, ZERO
