"""Which kinds of venue there are. A kind registers a factory; nothing else in the desk names a kind."""

from collections.abc import Callable

from app.core.errors import Invalid
from app.venues.port import Venue
from app.venues.types import Connection

Factory = Callable[[Connection], Venue]


class Registry:
    def __init__(self) -> None:
        self._factories: dict[str, Factory] = {}

    def add(self, kind: str, factory: Factory) -> None:
        self._factories[kind] = factory

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(self._factories)

    def open(self, connection: Connection) -> Venue:
        factory = self._factories.get(connection.kind)
        if factory is None:
            raise Invalid.field("kind", f"There is no venue kind {connection.kind!r}.")
        return factory(connection)
