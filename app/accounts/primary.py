"""Who is primary and who follows. One owner at a time, inside the caller's unit of work.

The database allows one primary per owner at most, so the old one always steps down first. As long as an
owner has an enabled account, one of the enabled ones is primary.
"""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.errors import NotFound
from app.core.owning import owned
from app.users.models import User


def own(session: Session, owner_id: str, account_id: str) -> Account:
    """The owner's account. Raises NotFound for a removed one and for somebody else's."""
    return owned(session, Account, owner_id, account_id, "account")


def in_order(session: Session, owner_id: str) -> Sequence[Account]:
    """The primary first, then in failover order."""
    return session.scalars(
        select(Account)
        .where(Account.owner_id == owner_id, Account.removed_at.is_(None))
        .order_by(Account.is_primary.desc(), Account.failover_rank, func.lower(Account.name))
    ).all()


def locked(session: Session, owner_id: str) -> Sequence[Account]:
    """The owner's accounts, with nobody else changing their order or names until the commit."""
    if session.scalar(select(User.id).where(User.id == owner_id).with_for_update()) is None:
        raise NotFound("There is no such user.")
    return in_order(session, owner_id)


def put_primary(session: Session, account: Account) -> None:
    session.execute(
        update(Account)
        .where(Account.owner_id == account.owner_id, Account.is_primary, Account.id != account.id)
        .values(is_primary=False)
    )
    account.is_primary = True
    session.flush()


def settle_primary(session: Session, account: Account) -> Account | None:
    """After `account` was enabled, disabled or removed: who became primary by that, if anybody did.

    A disabled account stays primary only while no other is enabled; a removed one never does.
    """
    session.flush()
    usable = [mate for mate in in_order(session, account.owner_id) if mate.enabled]
    if any(mate.is_primary for mate in usable):
        return None
    if account.is_primary and account.removed_at is not None:
        account.is_primary = False
        session.flush()
    if not usable:
        return None
    heir = min(usable, key=lambda mate: mate.failover_rank)
    put_primary(session, heir)
    return heir
