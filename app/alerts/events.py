"""What happened to alerts, in the past tense."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlertFired:
    owner_id: str
    alert_id: str
    firing_id: str
    words: str


@dataclass(frozen=True, slots=True)
class AlertsChanged:
    """Alerts of this owner ended by themselves."""

    owner_id: str
