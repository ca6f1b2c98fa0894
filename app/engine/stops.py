"""The kill switches that are not done: how far each is in each account goes into its rows, and to the pages."""

from app.risk.events import StandingChanged
from app.wiring import Services


def look_at_stops(services: Services) -> bool:
    """What they decided is done by the steps that do orders and exits; this only tells."""
    owners = services.risk.look()
    for owner_id in owners:
        services.bus.publish(StandingChanged(owner_id))
    return bool(owners)
