"""The OpenAlgo venue: one server is one broker login."""

from importlib import import_module

from app.venues.port import Venue
from app.venues.registry import Registry
from app.venues.types import Connection

KIND = "openalgo"


def register(registry: Registry) -> None:
    registry.add(KIND, _open)


def _open(connection: Connection) -> Venue:
    # Imported when the first account opens: the SDK brings pandas, which costs a second and 60 MB.
    venue: Venue = import_module("app.venues.openalgo.venue").OpenAlgoVenue(connection)
    return venue
