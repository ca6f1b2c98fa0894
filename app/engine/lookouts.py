"""Exits that no tick decides: a Supertrend over closed candles, and deltas. Looked at once a second, in a loop of their
own, and only for runs that ask for them. What they see is kept for pages; why one of them sees nothing is said aloud.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.engine.delta_reader import DeltaReader
from app.engine.main import Job, Loop
from app.engine.market import Market
from app.engine.sights import Sight
from app.engine.trend_reader import TrendReader
from app.execution.events import Alarm
from app.risk.models import RiskReading
from app.risk.monitor import Monitor, Stake
from app.risk.rules import Rule
from app.wiring import Services

EVERY = 1.0  # seconds
PATIENCE = timedelta(seconds=15)  # with what is not known yet, before its owner is told
KEPT_EVERY = timedelta(seconds=5)

Look = Callable[[Sequence[Stake], datetime], list[Sight]]


def watch_off_ticks(services: Services, monitor: Monitor, market: Market) -> Loop:
    by_trend = Lookout(services, monitor, market, Rule.SUPERTREND, TrendReader(services).look)
    by_delta = Lookout(services, monitor, market, Rule.DELTA, DeltaReader(services, market).look)
    return Loop([Job("supertrend", by_trend.step, EVERY), Job("deltas", by_delta.step, EVERY)], services.clock)


class Lookout:
    """One kind of rule, over all stakes that have it."""

    def __init__(self, services: Services, monitor: Monitor, market: Market, rule: Rule, look: Look) -> None:
        self._services = services
        self._clock = services.clock
        self._monitor = monitor
        self._market = market
        self._rule = rule
        self._look = look
        self._kept: dict[str, tuple[Sight, datetime]] = {}  # by stake: what was kept last, and when
        self._troubled: dict[str, datetime] = {}  # since when
        self._told: set[str] = set()

    def step(self) -> bool:
        now = self._clock.now()
        stakes = [one.stake for one in self._monitor.standings() if not one.is_over and self._is_watched(one.stake)]
        failures: list[Exception] = []
        sights = self._sights(stakes, now, failures)
        for act in (self._decide, self._keep, self._tell):  # no exit waits for what is kept and told of others
            for stake, sight in zip(stakes, sights, strict=True):
                try:
                    act(stake, sight, now)
                except Exception as error:
                    failures.append(error)
        self._forget({stake.id for stake in stakes})
        if failures:
            raise ExceptionGroup(f"{len(failures)} failures over {len(stakes)} stakes by {self._rule}", failures)
        return bool(stakes)

    def _sights(self, stakes: Sequence[Stake], now: datetime, failures: list[Exception]) -> list[Sight]:
        """Of all together, since they share candles and prices; should that fail, without those at fault."""
        try:
            return self._look(stakes, now)
        except Exception as error:
            failures.append(error)
        troubles = {stake.id: trouble for stake in stakes if (trouble := self._trouble(stake, now, failures))}
        seen = iter(self._look([stake for stake in stakes if stake.id not in troubles], now))
        return [troubles[stake.id] if stake.id in troubles else next(seen) for stake in stakes]

    def _trouble(self, stake: Stake, now: datetime, failures: list[Exception]) -> Sight | None:
        """None where it can be looked at by itself."""
        try:
            self._look([stake], now)
        except Exception as error:
            failures.append(error)
            return Sight(None, None, self._rule.value, now, "looking at it fails, as the engine's log says.")
        return None

    def _forget(self, alive: set[str]) -> None:
        """All but these."""
        self._kept = {key: kept for key, kept in self._kept.items() if key in alive}
        self._troubled = {key: since for key, since in self._troubled.items() if key in alive}
        self._told &= self._troubled.keys()

    def _is_watched(self, stake: Stake) -> bool:
        return (stake.trend if self._rule is Rule.SUPERTREND else stake.delta) is not None

    def _is_open(self, stake: Stake, now: datetime) -> bool:
        """What cannot be traded now is left when it can be."""
        return all(self._market.is_open(symbol.exchange, now) for symbol in stake.held)

    def _decide(self, stake: Stake, sight: Sight, now: datetime) -> None:
        if sight.found is not None and self._is_open(stake, now):
            self._monitor.decide(stake, sight.found, now)

    def _keep(self, stake: Stake, sight: Sight, now: datetime) -> None:
        before = self._kept.get(stake.id)
        if before is not None:
            is_same = before[0] == sight
            is_soon = before[0].trouble == sight.trouble and sight.found is None and now - before[1] < KEPT_EVERY
            if is_same or is_soon:
                return
        said = {name: getattr(sight, name) for name in ("value", "threshold", "words", "trouble", "at")}
        with self._services.db.write() as session:
            session.merge(RiskReading(subject_id=stake.id, rule=self._rule.value, run_id=stake.run_id, **said))
        self._kept[stake.id] = sight, now

    def _tell(self, stake: Stake, sight: Sight, now: datetime) -> None:
        """Once, until it sees again."""
        if not sight.trouble:
            self._troubled.pop(stake.id, None)
            return
        since = self._troubled.setdefault(stake.id, now)
        is_due = sight.is_late or now - since >= PATIENCE
        if stake.id in self._told or not is_due or not self._is_open(stake, now):
            return
        self._told.add(stake.id)
        text = f"{stake.name}: its {self._rule} exit stands still: {sight.trouble}"
        self._services.bus.publish(Alarm(stake.owner_id, None, f"run:{stake.run_id}", text))
