"""Before an order of a program: a price of its contract, where a limit of the day asks what the order is worth.

A page that shows a ticket looks at its contract anyway; a program may never have. The engine is asked to look, and its
price is waited for a moment, before anything is written. Without one the limit's refusal says so.
"""

import time

from app.venues.types import Symbol
from app.web.current import owner_id, services
from app.web.payoff_prices import want_spot

PATIENCE = 2.0  # seconds
LOOK_EVERY = 0.05


def hear_price(symbol: Symbol) -> None:
    desk = services()
    if not any(one.rules.asks_price for one in desk.known_limits.of(owner_id())):
        return
    over = desk.clock.monotonic() + PATIENCE
    if desk.day_gate.price_of(symbol) is None:
        want_spot(symbol)
    while desk.day_gate.price_of(symbol) is None and desk.clock.monotonic() < over:
        time.sleep(LOOK_EVERY)
