"""Which account the one market stream runs on: a pure decision over what is known of each.

Candidates come best first (the primary, then by failover rank). An account that failed is barred for a while, longer
each time, so a broken primary is not tried every minute. Going back to a better account needs the present one to
have served for a while; the runner then opens the better one beside it and moves over only when it delivers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.venues.port import StreamState


class Reason(StrEnum):
    START = "start"
    REFUSED = "refused"
    DISCONNECTED = "disconnected"
    SILENT = "silent"
    FROZEN = "frozen"
    REMOVED = "account not available"
    BETTER = "better account is back"


@dataclass(frozen=True, slots=True)
class FailoverRules:
    """Seconds."""

    disconnect: float = 5.0
    silence: float = 15.0
    hold: float = 60.0  # how long a stand-in serves before a better account is tried
    bar: float = 60.0
    longest_bar: float = 900.0
    trial: float = 20.0  # how long a better account has to prove itself


DEFAULT_RULES = FailoverRules()


@dataclass(frozen=True, slots=True)
class Seat:
    """What is known of one account as a source of prices; times are monotonic seconds."""

    state: StreamState = StreamState.CONNECTING
    since: float = 0.0  # when it came into this state
    seated_at: float = 0.0  # when the stream was opened on it
    quiet_since: float | None = None  # last price while prices are due; None: none is due
    resubscribed: bool = False
    failures: int = 0
    barred_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Choice:
    """Stay (`account_id` is the current one), move, or `try_first` before moving."""

    account_id: str | None
    reason: Reason | None = None
    try_first: bool = False


def trouble(seat: Seat, now: float, rules: FailoverRules = DEFAULT_RULES) -> Reason | None:
    """Why this stream does not serve, if it does not."""
    if seat.state is StreamState.REFUSED:
        return Reason.REFUSED
    if seat.state is not StreamState.LIVE:
        flaps = _is_silent(seat, now, rules)  # it comes up again and again and gives nothing
        return Reason.DISCONNECTED if flaps or now - seat.since > rules.disconnect else None
    return Reason.SILENT if seat.resubscribed and _is_silent(seat, now, rules) else None


def wants_resubscribing(seat: Seat, now: float, rules: FailoverRules = DEFAULT_RULES) -> bool:
    """The first cure for silence: signing in and subscribing again on the same socket."""
    return seat.state is StreamState.LIVE and not seat.resubscribed and _is_silent(seat, now, rules)


def _is_silent(seat: Seat, now: float, rules: FailoverRules) -> bool:
    return seat.quiet_since is not None and now - seat.quiet_since > rules.silence


def bar(seat: Seat, now: float, rules: FailoverRules = DEFAULT_RULES) -> Seat:
    """The seat of an account that failed."""
    length = min(rules.bar * 2**seat.failures, rules.longest_bar)
    return Seat(state=seat.state, since=now, failures=seat.failures + 1, barred_until=now + length)


def choose(
    candidates: Sequence[str],
    seats: Mapping[str, Seat],
    now: float,
    current: str | None,
    rules: FailoverRules = DEFAULT_RULES,
) -> Choice:
    """Where the stream belongs. When every other account is barred too it stays, since a stream tries by itself."""
    free = [name for name in candidates if name != current and seats.get(name, Seat()).barred_until <= now]
    if current is None or current not in candidates:
        return Choice(free[0] if free else None, Reason.START if current is None else Reason.REMOVED)
    seat = seats.get(current, Seat())
    reason = trouble(seat, now, rules)
    if reason is not None:
        return Choice(free[0], reason) if free else Choice(current)
    better = [name for name in free if candidates.index(name) < candidates.index(current)]
    if better and now - seat.seated_at >= rules.hold:
        return Choice(better[0], Reason.BETTER, try_first=True)
    return Choice(current)
