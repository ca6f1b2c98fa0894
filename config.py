"""Every setting of the desk, read once from the environment; a wrong value stops the start with its name."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


class BadSetting(ValueError):
    """A setting has a value the desk cannot use."""


@dataclass(frozen=True, slots=True)
class Settings:
    instance: Path
    database_url: str
    redis_url: str
    encryption_keys: str
    secret_key: str
    allow_private_hosts: bool
    trusted_proxies: int
    secure_cookies: bool
    rate_limits: bool
    order_book_poll_seconds: float
    order_book_idle_seconds: float
    figures_poll_seconds: float
    figures_idle_seconds: float
    trades_poll_seconds: float
    trades_idle_seconds: float
    reads_per_minute: int
    unknown_lookups: int
    unknown_window_seconds: float
    place_timeout_seconds: float
    read_timeout_seconds: float
    stale_after_seconds: float
    feed_silence_seconds: float  # without any price of use: sign in anew, then go to the next account
    feed_freeze_seconds: float  # without any index having moved, in session
    feed_return_seconds: float  # so long a stand-in serves before the better account is tried
    interest_rate: float  # percent a year: what options are discounted by
    day_check_at: time  # in India, of a trading day: which accounts are ready for what is armed
    session_hours: int
    open_on_loopback: bool

    @property
    def key_file(self) -> Path:
        return self.instance / "encryption.key"

    @property
    def secret_file(self) -> Path:
        return self.instance / "session.key"

    @property
    def link_folder(self) -> Path:
        return self.instance / "link"

    @property
    def metrics_file(self) -> Path:
        """Where the engine writes its numbers, as node_exporter's textfile collector reads them too."""
        return self.instance / "metrics" / "engine.prom"

    @property
    def recordings_folder(self) -> Path:
        """Recorded ticks, by day."""
        return self.instance / "recordings"

    @property
    def log_folder(self) -> Path:
        return self.instance / "logs"


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    instance = Path(environment.get("MIRRORDESK_INSTANCE", str(ROOT / "instance"))).expanduser().resolve()
    env = _Reader(environment)
    return Settings(
        instance=instance,
        database_url=env.text("DATABASE_URL", f"sqlite:///{instance / 'mirrordesk.db'}"),
        redis_url=env.text("REDIS_URL", ""),
        encryption_keys=env.text("MIRRORDESK_ENCRYPTION_KEYS", ""),
        secret_key=env.text("MIRRORDESK_SECRET_KEY", ""),
        allow_private_hosts=env.flag("MIRRORDESK_ALLOW_PRIVATE_HOSTS", True),
        trusted_proxies=env.whole("MIRRORDESK_TRUSTED_PROXIES", 0),
        secure_cookies=env.flag("MIRRORDESK_SECURE_COOKIES", False),
        rate_limits=env.flag("MIRRORDESK_RATE_LIMITS", True),
        order_book_poll_seconds=env.seconds("MIRRORDESK_ORDER_BOOK_POLL_SECONDS", 1.0),
        order_book_idle_seconds=env.seconds("MIRRORDESK_ORDER_BOOK_IDLE_SECONDS", 30.0),
        figures_poll_seconds=env.seconds("MIRRORDESK_FIGURES_POLL_SECONDS", 2.0),
        figures_idle_seconds=env.seconds("MIRRORDESK_FIGURES_IDLE_SECONDS", 30.0),
        trades_poll_seconds=env.seconds("MIRRORDESK_TRADES_POLL_SECONDS", 10.0),
        trades_idle_seconds=env.seconds("MIRRORDESK_TRADES_IDLE_SECONDS", 60.0),
        reads_per_minute=env.whole("MIRRORDESK_READS_PER_MINUTE", 300),
        unknown_lookups=env.whole("MIRRORDESK_UNKNOWN_LOOKUPS", 5),
        unknown_window_seconds=env.seconds("MIRRORDESK_UNKNOWN_WINDOW_SECONDS", 130.0),
        place_timeout_seconds=env.seconds("MIRRORDESK_PLACE_TIMEOUT_SECONDS", 30.0),
        read_timeout_seconds=env.seconds("MIRRORDESK_READ_TIMEOUT_SECONDS", 10.0),
        stale_after_seconds=env.seconds("MIRRORDESK_STALE_AFTER_SECONDS", 5.0),
        feed_silence_seconds=env.seconds("MIRRORDESK_FEED_SILENCE_SECONDS", 15.0),
        feed_freeze_seconds=env.seconds("MIRRORDESK_FEED_FREEZE_SECONDS", 10.0),
        feed_return_seconds=env.seconds("MIRRORDESK_FEED_RETURN_SECONDS", 60.0),
        interest_rate=env.percent("MIRRORDESK_INTEREST_RATE", 6.5),
        day_check_at=env.time_of_day("MIRRORDESK_DAY_CHECK_AT", "09:00"),
        session_hours=env.whole("MIRRORDESK_SESSION_HOURS", 12),
        open_on_loopback=env.flag("MIRRORDESK_OPEN_ON_LOOPBACK", False),
    )


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str) -> str:
        return self._environment.get(name, default) or default

    def flag(self, name: str, default: bool) -> bool:
        value = self._environment.get(name, "").strip().lower()
        if value in ("1", "true", "yes", "on"):
            return True
        if value in ("0", "false", "no", "off"):
            return False
        if value:
            raise BadSetting(f"{name} is {value!r}: say yes or no.")
        return default

    def whole(self, name: str, default: int) -> int:
        value = self._environment.get(name, "").strip()
        if not value:
            return default
        if not value.isdigit():
            raise BadSetting(f"{name} is {value!r}: say a whole number.")
        return int(value)

    def seconds(self, name: str, default: float) -> float:
        value = self._environment.get(name, "").strip()
        try:
            seconds = float(value) if value else default
        except ValueError:
            raise BadSetting(f"{name} is {value!r}: say a number of seconds.") from None
        if not 0 < seconds < 86_400:
            raise BadSetting(f"{name} is {value!r}: say between 0 and 86400 seconds.")
        return seconds

    def time_of_day(self, name: str, default: str) -> time:
        value = self._environment.get(name, "").strip() or default
        try:
            return time.fromisoformat(value).replace(tzinfo=None)
        except ValueError:
            raise BadSetting(f"{name} is {value!r}: say a time such as 09:00.") from None

    def percent(self, name: str, default: float) -> float:
        value = self._environment.get(name, "").strip()
        try:
            percent = float(value) if value else default
        except ValueError:
            raise BadSetting(f"{name} is {value!r}: say a percentage.") from None
        if not 0 <= percent <= 100:
            raise BadSetting(f"{name} is {value!r}: say between 0 and 100.")
        return percent
