"""A strategy by its id, for the one whose it is. In the caller's unit of work."""

from sqlalchemy.orm import Session

from app.core.errors import NotFound
from app.core.owning import owned
from app.strategies.models import Strategy


def own_strategy(session: Session, owner_id: str, strategy_id: str, is_changed: bool = False) -> Strategy:
    """Locked when it is changed, so that of two changes from one version one is stale. Raises NotFound, also for one
    that was removed."""
    found = owned(session, Strategy, owner_id, strategy_id, "strategy", is_changed=is_changed)
    if found.archived_at is not None:
        raise NotFound("There is no such strategy.")
    return found
