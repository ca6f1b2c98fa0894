"""How much of each limit of the day is used, for pages and programs: live figures beside the owner's others.

Keys: `limit:<slot of the extent>:<limit>` what is used, and the same with `:%` behind it: percent of the limit.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from app.broadcast.cells import MONEY, Cell, Cells
from app.core.clock import epoch_ms
from app.core.money import ZERO, plain
from app.risk.day_monitor import DayMonitor, DayStanding
from app.risk.day_rules import HUNDRED, Limited
from app.risk.day_use import SoFar, used
from app.wiring import Services

EVERY = 1.0  # seconds
NUMBER = "number"


class DayCells:
    def __init__(self, services: Services, monitor: DayMonitor) -> None:
        self._services = services
        self._monitor = monitor
        self._known: dict[str, tuple[float, SoFar]] = {}  # by owner, and when it was read

    def _so_far(self, owner_id: str, limited: Sequence[Limited]) -> SoFar:
        """Read once in a second: pages only look on."""
        now, known = self._services.clock.monotonic(), self._known.get(owner_id)
        if known is None or now - known[0] >= EVERY:
            known = self._known[owner_id] = (now, self._services.day_gate.so_far(owner_id, limited))
        return known[1]

    def of(self, owner_id: str) -> Cells:
        """In the broadcaster's thread, whenever the owner's figures are reckoned."""
        limited = self._services.known_limits.of(owner_id)
        if not limited:
            return {}
        cells: Cells = {}
        asked = [one for one in limited if one.rules.counts or one.rules.exposures]
        if asked:
            so_far = self._so_far(owner_id, asked)
            world = self._services.day_gate.world(so_far)
            for limit in asked:
                cells |= _order_cells(limit, used(limit, so_far, world))
        for one in self._monitor.standings():
            if one.stake.owner_id == owner_id:
                cells |= _profit_cells(one)
        return cells


def _order_cells(one: Limited, found: Mapping[str, Decimal | None]) -> Cells:
    cells: Cells = {}
    mosts = one.rules.counts | {name: most.amount(one.equity) for name, most in one.rules.exposures.items()}
    for name, value in found.items():
        most = mosts[name]
        share = None if value is None or not most else value * HUNDRED / most
        rounded = None if value is None else value.quantize(Decimal(1), ROUND_HALF_UP)
        cells |= cell_pair(f"limit:{one.extent.slot}:{name}", NUMBER, rounded, share, None)
    return cells


def _profit_cells(one: DayStanding) -> Cells:
    cells: Cells = {}
    for bound in one.stake.bounds:
        key, peak = f"limit:{one.stake.extent.slot}:{bound.rule}", one.peak or ZERO
        profit = None if one.blind_since is not None else one.profit
        used = None if profit is None else bound.used(profit, peak)
        share = None if profit is None else bound.share(profit, peak)
        cells |= cell_pair(key, MONEY, used, share, one.oldest)
    return cells


def cell_pair(key: str, kind: str, used: Decimal | None, share: Decimal | None, at: datetime | None) -> Cells:
    rounded = None if share is None else share.quantize(Decimal(1), ROUND_HALF_UP)
    return {key: _cell(used, kind, at), f"{key}:%": _cell(rounded, NUMBER, at)}


def _cell(value: Decimal | None, kind: str, at: datetime | None) -> Cell:
    text = None if value is None else plain(value)
    return {"v": text, "k": kind, "c": "INR" if kind == MONEY else None, "at": epoch_ms(at) if at else None}
