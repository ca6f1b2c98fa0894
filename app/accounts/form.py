"""An account as somebody typed it, checked once. Every wrong field gets its own sentence and nothing is
changed.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

from app.accounts.kinds import KindForm
from app.core.errors import Invalid
from app.core.money import number
from app.venues.types import Mode

NAME = re.compile(r"[\w][\w .,&'()/+@#:-]*")
KEY = re.compile(r"[!-~]+")
SECRET = re.compile(r"[ -~\r\n]+")  # a private key in PEM form has spaces and lines
LONGEST_NAME = 60
LONGEST_KEY = 256
LONGEST_SECRET = 4096  # some venues sign with a whole private key
LONGEST_URL = 255
MOST_PER_SECOND = 100
MOST_IN_FLIGHT = 50
LEAST_POLL, MOST_POLL = Decimal("0.25"), Decimal(60)  # seconds
LEAST_READS, MOST_READS = 30, 3000  # a minute
GRADE = re.compile(r"[A-Z0-9&._-]+")
MOST_LOTS, MOST_VALUE = 10_000, 10**12 - 1
LEAST_PROTECTION, MOST_PROTECTION = Decimal("0.1"), Decimal(20)  # percent

CheckHost = Callable[[str, bool, str], None]
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Draft:
    """Checked values. A secret that was left blank is ""; on an edit that keeps the stored one."""

    name: str
    venue_kind: str
    host_url: str
    stream_url: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    extra: dict[str, str] = field(repr=False)
    bind_address: str
    default_product: str
    max_in_flight: int
    orders_per_second: int
    expected_mode: str
    kept_for_exits: int | None = None
    market_protection: Decimal | None = None
    poll_seconds: Decimal | None = None
    reads_per_minute: int | None = None
    grade: str = ""
    max_lots: int | None = None
    max_value: Decimal | None = None
    counts_collateral: bool = False


class Checker:
    """Collects a sentence per wrong field; `draft` raises them all at once."""

    def __init__(
        self, values: Values, kinds: Mapping[str, KindForm], check_host: CheckHost, allow_private: bool
    ) -> None:
        self._values = values
        self._kinds = kinds
        self._check_host = check_host
        self._allow_private = allow_private
        self.problems: dict[str, list[str]] = {}

    def draft(self, venue_kind: str = "", keys_stored: bool = False) -> Draft:
        """`venue_kind` and `keys_stored` are those of the account that is edited."""
        kind = venue_kind or self._text("venue_kind", 32) or "openalgo"
        form = self._kinds.get(kind)
        if form is None:
            raise Invalid.field("venue_kind", "Choose one of the offered kinds of venue.")
        draft = Draft(
            name=self._name(),
            venue_kind=kind,
            host_url=self._url("host_url", form.default_host, ("http", "https"), form.needs_host),
            stream_url=self._url("stream_url", form.default_stream, ("ws", "wss"), form.needs_host),
            api_key=self._secret("api_key", LONGEST_KEY, required=not keys_stored),
            api_secret=self._secret("api_secret", LONGEST_SECRET, required=form.needs_secret and not keys_stored),
            extra=self._extra(form, keys_stored),
            bind_address=self._bind_address(),
            default_product=self._choice("default_product", form.products),
            max_in_flight=self._whole("max_in_flight", MOST_IN_FLIGHT),
            orders_per_second=self._whole("orders_per_second", MOST_PER_SECOND),
            expected_mode=self._choice("expected_mode", tuple(Mode)),
            kept_for_exits=self._kept(),
            market_protection=self._protection(),
            poll_seconds=self._poll(),
            reads_per_minute=self._reads(),
            grade=self._grade(),
            max_lots=self._lots(),
            max_value=self._value(),
            counts_collateral=self._values.get("counts_collateral") is True,
        )
        if self.problems:
            raise Invalid(self.problems)
        return draft

    def _wrong(self, name: str, sentence: str) -> None:
        self.problems.setdefault(name, []).append(sentence)

    def _text(self, name: str, longest: int) -> str:
        value = self._values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong(name, "This must be text.")
            return ""
        if len(value) > longest:
            self._wrong(name, f"Keep this within {longest} characters.")
            return ""
        return value.strip()

    def _name(self) -> str:
        name = self._text("name", LONGEST_NAME)
        if "name" not in self.problems and not name:
            self._wrong("name", "Give the account a name.")
        elif name and not NAME.fullmatch(name):
            self._wrong("name", "Use letters, digits, spaces and simple punctuation, and begin with a letter or digit.")
        return name

    def _url(self, name: str, default: str, schemes: tuple[str, ...], required: bool) -> str:
        url = (self._text(name, LONGEST_URL) or default).rstrip("/").removesuffix("/api/v1")
        if name in self.problems or not (url or required):
            return url
        if not url:
            self._wrong(name, "Say where the server is.")
        elif _scheme(url) not in schemes:
            self._wrong(name, f"The address must start with {schemes[0]}:// or {schemes[1]}://.")
        else:
            self._reachable(name, url)
        return url

    def _reachable(self, name: str, url: str) -> None:
        try:
            self._check_host(url, self._allow_private, name)
        except Invalid as refused:
            for sentence in refused.fields.get(name, [refused.message]):
                self._wrong(name, sentence)

    def _secret(self, name: str, longest: int, required: bool) -> str:
        secret = self._text(name, longest)
        if name in self.problems:
            return ""
        if not secret and required:
            self._wrong(name, "This is needed to sign in.")
        elif secret and not (KEY if longest == LONGEST_KEY else SECRET).fullmatch(secret):
            self._wrong(name, "A key has letters, digits and signs only: no spaces, no emoji.")
        return secret

    def _extra(self, form: KindForm, keys_stored: bool) -> dict[str, str]:
        extra = {
            wanted.name: self._secret(wanted.name, LONGEST_SECRET, required=wanted.required and not keys_stored)
            for wanted in form.extra
        }
        extra["proxy"] = self._proxy()
        return {name: value for name, value in extra.items() if value}

    def _proxy(self) -> str:
        proxy = self._text("proxy", LONGEST_URL)
        if not proxy:
            return ""
        if _scheme(proxy) not in ("http", "https") or not urlsplit(proxy).hostname:
            self._wrong("proxy", "The proxy must be an http:// or https:// address.")
            return ""
        # The proxy may carry a user name and a password; the check is of where it stands.
        parts = urlsplit(proxy)
        self._reachable("proxy", f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
        return proxy

    def _bind_address(self) -> str:
        text = self._text("bind_address", 45)
        try:
            return str(ipaddress.ip_address(text)) if text else ""
        except ValueError:
            self._wrong("bind_address", "This must be one of this machine's own IP addresses, or empty.")
            return ""

    def _choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self._text(name, 32) or choices[0]
        if value not in choices:
            self._wrong(name, f"Choose one of {', '.join(choices)}.")
        return value

    def _kept(self) -> int | None:
        kept = self._number("kept_for_exits")
        if kept is None:
            return None
        if kept != int(kept) or not 0 <= kept < MOST_PER_SECOND:
            self._wrong("kept_for_exits", f"Say a whole number from 0 to {MOST_PER_SECOND - 1}, or nothing.")
            return None
        return int(kept)

    def _protection(self) -> Decimal | None:
        percent = self._number("market_protection")
        if percent is None:
            return None
        if not LEAST_PROTECTION <= percent <= MOST_PROTECTION or percent != round(percent, 2):
            self._wrong("market_protection", "Say a percentage from 0.1 to 20, or nothing.")
            return None
        return percent

    def _poll(self) -> Decimal | None:
        seconds = self._number("poll_seconds")
        if seconds is None:
            return None
        if not LEAST_POLL <= seconds <= MOST_POLL or seconds != round(seconds, 2):
            self._wrong("poll_seconds", "Say from 0.25 to 60 seconds, or nothing.")
            return None
        return seconds

    def _reads(self) -> int | None:
        reads = self._number("reads_per_minute", MOST_READS)
        if reads is None:
            return None
        if reads != int(reads) or reads < LEAST_READS:
            self._wrong("reads_per_minute", f"Say a whole number from {LEAST_READS} to {MOST_READS}, or nothing.")
            return None
        return int(reads)

    def _grade(self) -> str:
        grade = self._text("grade", 8).upper()
        if grade and not GRADE.fullmatch(grade):
            self._wrong("grade", "Use letters, digits, & . - _ only, 8 at most, or nothing.")
        return grade

    def _lots(self) -> int | None:
        lots = self._number("max_lots", MOST_LOTS)
        if lots is None:
            return None
        if lots != int(lots) or lots < 1:
            self._wrong("max_lots", f"Say a whole number from 1 to {MOST_LOTS}, or nothing.")
            return None
        return int(lots)

    def _value(self) -> Decimal | None:
        value = self._number("max_value", MOST_VALUE)
        if value is not None and (value <= 0 or value != round(value, 2)):
            self._wrong("max_value", "Say an amount above zero with up to 2 decimals, or nothing.")
            return None
        return value

    def _number(self, name: str, most: int = MOST_PER_SECOND) -> Decimal | None:
        """What may be left empty; a word that is no number, or beyond any sense, is wrong."""
        raw = self._values.get(name)
        if raw is None or raw == "":
            return None
        value = number(raw) if isinstance(raw, int | str | Decimal) and len(str(raw)) <= 40 else None
        if value is None or not -most <= value <= most:  # abs() overflows at 1e9999999
            self._wrong(name, "Say a number, or nothing.")
            return None
        return value

    def _whole(self, name: str, most: int) -> int:
        raw = self._values.get(name)
        if raw is None or raw == "":
            return 10
        value = number(raw) if isinstance(raw, int | str) and len(str(raw)) <= 40 else None
        if value is None or not 1 <= value <= most or value != int(value):
            self._wrong(name, f"Say a whole number from 1 to {most}.")
            return 10
        return int(value)


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""
