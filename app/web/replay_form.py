"""What is typed to replay a strategy, or to record a day: kept letter for letter when something is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Invalid
from app.core.validation import parse
from app.replays.recordings import OF_A_STRATEGY, RecordingWish
from app.replays.terms import Terms
from app.web.forms import clean_text

LONGEST = 20_000  # of what is typed: many symbols
REPLAY_FIELDS = {
    "strategy_id": "", "tape": "recording", "recording_id": "", "seed": "1", "start": "", "minutes": "375",
    "enter_at": "", "slippage": "0",
}  # fmt: skip
RECORDING_FIELDS = {"what": "strategy", "strategy_id": "", "symbols": "", "day": ""}
SENTENCES = {
    "strategy_id": "Choose a strategy.",
    "recording_id": "Choose a recorded day.",
    "seed": "Type a whole number from 0.",
    "start": "Choose a day and a time, in India.",
    "minutes": "Type whole minutes from 1 to 1,440.",
    "enter_at": "Type a time such as 09:20, or leave it empty.",
    "slippage": "Type points from 0 to 1,000.",
    "tape": "Choose a recorded or a synthetic day.",
    "what": "Choose what to record.",
    "day": "Choose a day that was, at most 60 days ago.",
    "symbols": "Type symbols with their exchange, as NFO:NIFTY24NOV2626050CE, 500 at most.",
}


@dataclass(slots=True)
class TypedForm:
    typed: dict[str, str]
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: Mapping[str, str], typed: Mapping[str, str]) -> "TypedForm":
        """What came in; the usual where nothing did."""
        return cls({name: str(clean_text(typed.get(name, usual)))[:LONGEST] for name, usual in fields.items()})

    def terms(self) -> Terms | None:
        """None where something is wrong; the fields say what."""
        given = {name: value for name, value in self.typed.items() if name != "strategy_id" and value}
        if not self.typed["strategy_id"]:
            self.errors["strategy_id"] = [SENTENCES["strategy_id"]]
        found: Terms | None = self._parsed(Terms, given)
        return found if not self.errors else None

    def wish(self) -> RecordingWish | None:
        """As `terms`."""
        given: dict[str, Any] = {"what": self.typed["what"]}
        if self.typed["what"] in OF_A_STRATEGY:
            given["strategy_id"] = self.typed["strategy_id"]
        if self.typed["what"] == "candles":
            given["day"] = self.typed["day"] or None
        if self.typed["what"] == "symbols":
            given["symbols"] = self.typed["symbols"].replace(",", " ").split()
        return self._parsed(RecordingWish, given)

    def _parsed(self, model: type[Any], given: dict[str, Any]) -> Any:
        try:
            return parse(model, given)
        except Invalid as refused:
            for name in refused.fields:
                first = name.partition(".")[0]
                self.errors[first] = [SENTENCES.get(first, refused.message)]
            return None
