"""What a paper broker process is told at start: one JSON object, checked here and nowhere else."""

import json
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

INDIA = ZoneInfo("Asia/Kolkata")


class BadConfigError(ValueError):
    """The configuration can't be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class BrokerConfig:
    """One broker. Ports 0 mean any free one. `cash` in rupees, `rtt_ms` the network's round trip.

    `refuse_at_gateway` names the violations answered with HTTP 400 instead of a rejected order: symbol, product, price,
    lot, freeze, tick, band, trigger, closed, holdings, margin. `gtt` None means: as OpenAlgo's plugin of that name.
    `stream_symbols` is what all WebSocket clients together may subscribe, `socket_symbols` what one of them may.
    """

    name: str
    api_key: str
    rest_port: int = 0
    ws_port: int = 0
    user_id: str = "trader1"
    mode: str = "live"
    cash: str = "10000000"
    rtt_ms: float = 0.0
    limits: bool = True
    push: bool = True
    logged_in: bool = True
    semi_auto: bool = False
    text_numbers: bool = False
    clock: str = "%Y-%m-%d %H:%M:%S"
    refuse_at_gateway: tuple[str, ...] = ("symbol",)
    gtt: bool | None = None
    modify_renames: bool = False
    auth_timeout_s: float = 15.0
    stream_symbols: int = 3000
    socket_symbols: int = 3000
    holdings: tuple[dict[str, Any], ...] = ()

    @property
    def money(self) -> Decimal:
        return Decimal(self.cash)

    @property
    def has_gtt(self) -> bool:
        return self.gtt if self.gtt is not None else self.name in ("zerodha", "dhan")


@dataclass(frozen=True, slots=True)
class PaperConfig:
    brokers: tuple[BrokerConfig, ...]
    host: str = "127.0.0.1"
    seed: int = 1
    start: str = "now"
    speed: float = 1.0
    sessions: str = "always"
    step_ms: int = 250
    control_port: int = 0

    @property
    def started_at(self) -> datetime:
        """Market time of the start, aware, in India."""
        if self.start == "now":
            return datetime.now(INDIA)
        moment = datetime.fromisoformat(self.start)
        return moment.replace(tzinfo=INDIA) if moment.tzinfo is None else moment.astimezone(INDIA)


def from_json(text: str) -> PaperConfig:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadConfigError(f"not JSON: {error}") from error
    return from_dict(data)


def from_dict(data: Any) -> PaperConfig:
    if not isinstance(data, dict) or not isinstance(data.get("brokers"), list) or not data["brokers"]:
        raise BadConfigError("brokers must be a list of at least one broker")
    brokers = tuple(_broker(entry) for entry in data["brokers"])
    if len({broker.name for broker in brokers}) != len(brokers):
        raise BadConfigError("every broker needs a name of its own")
    config = _build(PaperConfig, {**data, "brokers": brokers})
    _check(config)
    return config


def _broker(entry: Any) -> BrokerConfig:
    if not isinstance(entry, dict):
        raise BadConfigError("a broker is a JSON object")
    listed = {key: tuple(entry[key]) for key in ("refuse_at_gateway", "holdings") if key in entry}
    broker: BrokerConfig = _build(BrokerConfig, {**entry, **listed, "cash": str(entry.get("cash", "10000000"))})
    if broker.mode not in ("live", "analyze"):
        raise BadConfigError("mode must be live or analyze")
    try:
        cash = broker.money
    except InvalidOperation:
        raise BadConfigError("cash must be an amount of rupees") from None
    if cash < 0:
        raise BadConfigError("cash must not be negative")
    return broker


def _build(kind: type, data: dict[str, Any]) -> Any:
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise BadConfigError(f"unknown setting: {', '.join(unknown)}")
    needed = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in data]
    if missing:
        raise BadConfigError(f"missing setting: {', '.join(missing)}")
    return kind(**data)


def _check(config: PaperConfig) -> None:
    if config.sessions not in ("always", "calendar"):
        raise BadConfigError("sessions must be always or calendar")
    if config.speed <= 0:
        raise BadConfigError("speed must be positive")
    try:
        _ = config.started_at
    except ValueError:
        raise BadConfigError("start must be now or an ISO time") from None
