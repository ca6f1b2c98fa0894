"""What strategies are made from: templates of one's own, copies, files of another desk, and versions of before.

Every method takes the owner first: someone else's row is not found. Whatever is made is an ordinary strategy, saved and
checked as one that was typed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.audit.trail import Trail
from app.core import actors
from app.core.clock import Clock
from app.core.db import Database
from app.core.errors import Denied, Invalid
from app.core.ids import new_id
from app.core.owning import owned
from app.strategies import document, versions
from app.strategies.legs import Draft
from app.strategies.models import Strategy, StrategyTemplate, StrategyVersion
from app.strategies.service import StrategyService

MOST_TEMPLATES = 100
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Imported:
    """`unknown`: names of accounts that nothing was found for; they take no part."""

    strategy_id: str
    unknown: Sequence[str]


class StrategyLibrary:
    def __init__(self, db: Database, clock: Clock, trail: Trail, strategies: StrategyService) -> None:
        self._db = db
        self._clock = clock
        self._trail = trail
        self._strategies = strategies

    def draft(self, owner_id: str, strategy_id: str) -> Draft:
        strategy = self._strategies.get(owner_id, strategy_id)
        return versions.draft_of(strategy, self._strategies.shares(owner_id, strategy_id))

    def clone(self, owner_id: str, strategy_id: str) -> str:
        """The id of the copy."""
        draft = self.draft(owner_id, strategy_id)
        copy = draft.model_copy(update={"name": self._free_name(owner_id, f"{draft.name} copy")})
        return self._strategies.create(owner_id, copy, [f"Copied from {draft.name}"])

    # -- files

    def exported(self, owner_id: str, strategy_id: str) -> dict[str, Any]:
        with self._db.read() as session:
            names = {account.id: account.name for account in _accounts(session, owner_id)}
        return document.written(self.draft(owner_id, strategy_id), names)

    def take_in(self, owner_id: str, read: document.StrategyDocument) -> Imported:
        """A name that is taken gets a number."""
        with self._db.read() as session:
            ids = {account.name.casefold(): account.id for account in _accounts(session, owner_id)}
        draft, unknown = read.draft(ids)
        named = draft.model_copy(update={"name": self._free_name(owner_id, draft.name)})
        return Imported(self._strategies.create(owner_id, named, ["Imported"]), unknown)

    def _free_name(self, owner_id: str, wanted: str) -> str:
        taken = {strategy.name for strategy in self._strategies.list(owner_id)}
        numbered = (f"{wanted[: LONGEST_NAME - 5]} {number}" for number in range(2, 10_000))
        return next(name for name in (wanted[:LONGEST_NAME], *numbered) if name not in taken)

    # -- versions

    def versions(self, owner_id: str, strategy_id: str) -> Sequence[StrategyVersion]:
        """Newest first."""
        self._strategies.get(owner_id, strategy_id)
        with self._db.read() as session:
            return versions.newest_first(session, strategy_id)

    def version(self, owner_id: str, strategy_id: str, number: int) -> StrategyVersion:
        """The one it has is there even where it was saved before versions were kept."""
        strategy = self._strategies.get(owner_id, strategy_id)
        with self._db.read() as session:
            if number != strategy.version or versions.find(session, strategy_id, number):
                return versions.get(session, strategy_id, number)
        return versions.unwritten(strategy, self.draft(owner_id, strategy_id))

    def restore(self, owner_id: str, strategy_id: str, number: int, version: int | None = None) -> None:
        """As a new version. An account that is gone takes no part; `version` as of `StrategyService.edit`."""
        old = Draft.model_validate(self.version(owner_id, strategy_id, number).content)
        with self._db.read() as session:
            there = {account.id for account in _accounts(session, owner_id)}
        shares = [share for share in old.accounts if share.account_id in there]
        restored = old.model_copy(update={"accounts": shares})
        try:
            self._strategies.edit(owner_id, strategy_id, restored, version, [f"Version {number} restored"])
        except Invalid as refused:
            why = " ".join(sentence for sentences in refused.fields.values() for sentence in sentences)
            raise Denied(f"Version {number} can't be restored: {why}") from refused

    # -- templates of one's own

    def templates(self, owner_id: str) -> Sequence[StrategyTemplate]:
        query = select(StrategyTemplate).where(StrategyTemplate.owner_id == owner_id)
        with self._db.read() as session:
            return session.scalars(query.order_by(StrategyTemplate.name)).all()

    def template(self, owner_id: str, template_id: str) -> StrategyTemplate:
        with self._db.read() as session:
            return owned(session, StrategyTemplate, owner_id, template_id, "template")

    def save_template(self, owner_id: str, strategy_id: str, name: str = "") -> StrategyTemplate:
        """Without accounts; one of the same name is replaced. Without a name it has the strategy's."""
        draft = self.draft(owner_id, strategy_id)
        name = name.strip() or draft.name
        if len(name) > LONGEST_NAME:
            raise Invalid.field("name", f"A name has at most {LONGEST_NAME} characters.")
        content = draft.model_dump(mode="json") | {"accounts": [], "name": name}
        with self._db.write() as session:
            mine = session.scalars(select(StrategyTemplate).where(StrategyTemplate.owner_id == owner_id)).all()
            found = next((one for one in mine if one.name == name), None)
            if found is None:
                if len(mine) >= MOST_TEMPLATES:
                    raise Denied(f"You have {MOST_TEMPLATES} templates: remove one first.")
                found = StrategyTemplate(id=new_id(), owner_id=owner_id, name=name, created_at=self._clock.now())
                session.add(found)
            found.content = content
            session.flush()
            self._note(session, "template.saved", found)
            return found

    def remove_template(self, owner_id: str, template_id: str) -> str:
        """Its name. Strategies that were made from it stay."""
        with self._db.write() as session:
            found = owned(session, StrategyTemplate, owner_id, template_id, "template")
            session.delete(found)
            self._note(session, "template.removed", found)
            return found.name

    def _note(self, session: Session, action: str, template: StrategyTemplate) -> None:
        self._trail.record(session, actors.current(), action, ("template", template.id), {"name": template.name})


def as_row(draft: Draft, owner_id: str) -> Strategy:
    """A draft as the row of a strategy that nobody saved, for whoever shows one."""
    content = draft.model_dump(mode="json", exclude={"accounts"})
    return Strategy(owner_id=owner_id, version=0, **content)


def _accounts(session: Session, owner_id: str) -> Sequence[Account]:
    return session.scalars(select(Account).where(Account.owner_id == owner_id, Account.removed_at.is_(None))).all()
