"""What happened to the feed in the words of a person. Pure: `name_of` gives an account as the reader may know it."""

from collections.abc import Callable, Mapping
from typing import Any

from app.feed.events import FeedSwitched, SourceChanged
from app.feed.failover import Reason
from app.venues.types import PriceSource

SWITCHED, SOURCE = "feed.switched", "feed.source"
NOW = {
    PriceSource.STREAM: "Prices are streamed again.",
    PriceSource.REQUEST: "The price stream gives none: prices are asked for every few seconds (REST).",
    None: "No price comes any more, neither streamed nor by request. Nothing is decided by the old ones.",
}
WHY = {
    Reason.REFUSED: "refused the price stream",
    Reason.DISCONNECTED: "lost the price stream",
    Reason.SILENT: "gave no usable price",
    Reason.FROZEN: "repeated the same prices",
    Reason.REMOVED: "cannot be asked for prices (disabled, removed, or without its broker login)",
}
NameOf = Callable[[str], str]


def detail_of(event: FeedSwitched | SourceChanged) -> tuple[str, dict[str, Any]]:
    """The kind of event and what is kept of it."""
    if isinstance(event, FeedSwitched):
        return SWITCHED, {"from": event.from_account_id, "to": event.to_account_id, "reason": event.reason}
    before, after = (one.value if one else None for one in (event.before, event.after))
    return SOURCE, {"from": before, "to": after, "account": event.account_id}


def sentence(kind: str, detail: Mapping[str, Any], name_of: NameOf) -> str:
    if kind == SOURCE:
        after = detail.get("to")
        first = after == PriceSource.STREAM and detail.get("from") is None
        return "Prices are streamed." if first else NOW[PriceSource(after) if after else None]
    before, after = detail.get("from"), detail.get("to")
    if not before:
        return f"Prices come from {name_of(after)}." if after else "No account can give prices."
    now = f"prices come from {name_of(after)} now" if after else "no other account can give prices"
    why = WHY.get(Reason(detail["reason"])) if detail.get("reason") in set(Reason) else None
    if why is None:
        return f"{name_of(after) if after else 'A better account'} gives prices again and has taken over."
    return f"{name_of(before)} {why}: {now}."


def is_good(kind: str, detail: Mapping[str, Any]) -> bool:
    if kind == SOURCE:
        return detail.get("to") == PriceSource.STREAM
    return detail.get("reason") in (Reason.BETTER, Reason.START) and detail.get("to") is not None
