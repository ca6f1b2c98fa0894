"""What a campaign has come to: counted as it goes, and told as tables."""

import time
from collections import Counter, defaultdict
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.crash.moments import MOMENTS

Json = dict[str, Any]
DOING = ("entering", "changing", "exiting", "recovering", "idle")


class Tally:
    def __init__(self, wanted: int, seed: int) -> None:
        self.wanted = wanted
        self.seed = seed
        self.failures: list[Json] = []
        self.kills = 0
        self._rounds: Counter[str] = Counter()
        self._struck: Counter[tuple[str, str]] = Counter()
        self._deaths: Counter[str] = Counter()
        self._slowest: dict[str, float] = defaultdict(float)
        self._points: Counter[tuple[str, str]] = Counter()
        self._started = self._first_round = time.monotonic()

    def take(self, told: Json) -> None:
        match told["told"]:
            case "kill":
                if not self.kills:
                    self._first_round = time.monotonic()  # walks and rehearsals come first, and have no rate
                self.kills += 1
                self._struck[told["moment"], told["doing"]] += 1
            case "round":
                scenario = told["scenario"]
                self._rounds[scenario] += 1
                self._deaths[scenario] += told["kills"]
                self._slowest[scenario] = max(self._slowest[scenario], told["slowest"])
            case "point":
                self._points[told["database"], told["point"].partition(":")[0]] += 1
        if told.get("failure"):
            self.failures.append(told)

    def progress(self) -> str:
        seconds = time.monotonic() - self._started
        rate = self.kills / max(1.0, time.monotonic() - self._first_round)
        points = f", {self._points.total()} commits walked" if self._points else ""
        return (
            f"{_clock(seconds)}  {self.kills} of {self.wanted} kills in {self._rounds.total()} rounds{points}, "
            f"{rate:.2f} kills/s, {self._left(rate)}, {len(self.failures)} failures"
        )

    def _left(self, rate: float) -> str:
        if self.kills >= self.wanted:
            return "the last rounds end"
        return f"about {_clock((self.wanted - self.kills) / rate)} to go" if rate else "starting"

    def show(self, console: Console) -> None:
        console.print(self._table_of_moments())
        console.print(self._table_of_scenarios())
        if self._points:
            console.print(self._table_of_points())
        for failure in self.failures:
            console.print(f"\nFAILED {_again(failure, self.seed)}\n{failure['failure']}", markup=False)
            if failure["folder"]:
                console.print(f"its instance is kept in {failure['folder']}", markup=False)
        slowest = max(self._slowest.values(), default=0.0)
        recovered = "all recovered" if not self.failures else f"{len(self.failures)} failures"
        console.print(
            f"\nSeed {self.seed}: {self.kills} kills and {self._points.total()} commits in "
            f"{_clock(time.monotonic() - self._started)}, {recovered}, slowest recovery {slowest:.1f} s."
        )

    def _table_of_moments(self) -> Table:
        table = Table("an order was", *DOING, "together", title="Kills, by what they struck")
        for moment in MOMENTS:
            counts = [self._struck[moment, doing] for doing in DOING]
            table.add_row(moment, *map(str, counts), str(sum(counts)))
        sums = [sum(self._struck[moment, doing] for moment in MOMENTS) for doing in DOING]
        table.add_row("together", *map(str, sums), str(sum(sums)))
        return table

    def _table_of_scenarios(self) -> Table:
        table = Table("scenario", "rounds", "kills", "slowest recovery", "failures", title="Rounds, by scenario")
        failed = Counter(failure.get("scenario") for failure in self.failures)
        for scenario, rounds in sorted(self._rounds.items()):
            cells = (self._deaths[scenario], f"{self._slowest[scenario]:.1f} s", failed[scenario])
            table.add_row(scenario, str(rounds), *map(str, cells))
        return table

    def _table_of_points(self) -> Table:
        table = Table("database", "died", "points", title="Every commit of an entry and an exit")
        words = {"committing": "just before the commit", "committed": "just after it"}
        for (database, kind), number in sorted(self._points.items()):
            table.add_row(database, words[kind], str(number))
        return table


def _again(failure: Json, seed: int) -> str:
    if failure["told"] == "end":
        return "a player"
    if failure["told"] != "round":
        return f"the walk over {failure.get('database', 'a database')}"
    number = failure["number"]
    again = f"again: crashtest --seed {seed} --database {failure['database']} --round {number}"
    return f"{failure['scenario']}, {again if number >= 0 else 'without any kill'}"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
