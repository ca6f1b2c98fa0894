"""How this room tells the audit trail what was done; the trail itself is passed in."""

from typing import Any, Protocol

from sqlalchemy.orm import Session

from app.core.actors import Actor


class Record(Protocol):
    def __call__(
        self,
        session: Session,
        actor: Actor,
        action: str,
        subject: tuple[str, str],
        detail: dict[str, Any] | None = None,
    ) -> None: ...
