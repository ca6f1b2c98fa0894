"""Where a person can go. A page stands here by its path and appears once its route is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Flask, request


@dataclass(frozen=True, slots=True)
class Item:
    """`icon` is a name of the sprite, `key` the letter after `g` that leads there."""

    path: str
    label: str
    icon: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    items: tuple[Item, ...]


GROUPS = (
    Group(
        "Trade",
        (
            Item("/", "Dashboard", "layout-dashboard", "d"),
            Item("/positions", "Positions", "briefcase-business", "p"),
            Item("/orders", "Orders", "list-ordered", "o"),
            Item("/trades", "Trades", "arrow-up-down"),
            Item("/holdings", "Holdings", "lock"),
            Item("/watch", "Watchlists", "eye", "w"),
            Item("/trade", "Order ticket", "send", "t"),
            Item("/strategies", "Strategies", "layers", "s"),
            Item("/runs", "Runs", "play"),
            Item("/replays", "Replay", "clock"),
            Item("/chain", "Option chain", "table-properties"),
            Item("/chart", "Chart", "chart-candlestick"),
            Item("/making", "Market making", "scale"),
            Item("/signals", "Signals", "webhook"),
        ),
    ),
    Group(
        "Watch",
        (
            Item("/accounts", "Accounts", "wallet", "a"),
            Item("/alerts", "Alerts", "zap"),
            Item("/risk", "Risk", "shield-alert", "r"),
            Item("/analytics", "Analytics", "chart-line"),
            Item("/journal", "Trade journal", "book-open"),
            Item("/instruments", "Instruments", "calendar-days"),
        ),
    ),
    Group(
        "Desk",
        (
            Item("/engine", "Engine", "activity"),
            Item("/notifications", "Notifications", "bell"),
            Item("/audit", "Audit", "history"),
            Item("/settings", "Settings", "settings"),
            Item("/docs", "API", "book-open"),
        ),
    ),
)
ON_A_PHONE = ("/", "/positions", "/orders", "/strategies")


@dataclass(frozen=True, slots=True)
class Navigation:
    """`root` stands before every path when the desk lives under one; `here` is the path of this page."""

    root: str
    here: str
    paths: frozenset[str]

    @property
    def groups(self) -> list[Group]:
        kept = [Group(group.label, tuple(self._open(group.items))) for group in GROUPS]
        return [group for group in kept if group.items]

    @property
    def short(self) -> list[Item]:
        """The four that fit under a thumb."""
        return [item for group in self.groups for item in group.items if item.path in ON_A_PHONE]

    def has(self, path: str) -> bool:
        return path in self.paths

    def to(self, path: str) -> str:
        return self.root + path

    def is_at(self, item: Item) -> bool:
        if item.path == "/":
            return self.here == "/"
        return self.here == item.path or self.here.startswith(f"{item.path}/")

    def _open(self, items: Iterable[Item]) -> Iterable[Item]:
        return (item for item in items if self.has(item.path))


def start_navigation(app: Flask) -> None:
    """Give templates `nav`. The routes are read at the first page, when all are there."""

    @cache
    def paths() -> frozenset[str]:
        return frozenset(rule.rule.rstrip("/") or "/" for rule in app.url_map.iter_rules())

    @app.context_processor
    def where() -> dict[str, Any]:
        return {"nav": Navigation(request.script_root, request.path, paths())}
