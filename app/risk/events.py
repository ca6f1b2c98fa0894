"""What happened to trading states, kill switches and limits of the day; published after the commit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StandingChanged:
    """Somebody paused, stopped or released something, or a kill switch got further; no owner means everybody's."""

    owner_id: str


@dataclass(frozen=True, slots=True)
class LimitTouched:
    """A limit of the day did something, or can't; `key` names it, so that it is told once."""

    owner_id: str
    title: str
    text: str
    key: str
