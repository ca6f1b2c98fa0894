"""Broker keys at rest: sealed with the desk's key, opened only to build a connection.

The database holds sealed text alone. `verify_key` runs before anything else at every start: a key that does
not fit what is stored stops the start. `reseal_all` moves every row to the newest key.
"""

import json
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.models import Account
from app.core.crypto import Vault
from app.core.db import Database, swap
from app.venues.types import Connection, Mode

SEALED = ("api_key_sealed", "api_secret_sealed", "extra_sealed")


def seal(vault: Vault, secret: str) -> str | None:
    return vault.seal(secret) if secret else None


def seal_extra(vault: Vault, extra: Mapping[str, str]) -> str | None:
    return vault.seal(json.dumps(dict(extra))) if extra else None


def open_extra(vault: Vault, sealed: str | None) -> dict[str, str]:
    return dict(json.loads(vault.open(sealed))) if sealed else {}


def connection(
    vault: Vault, account: Account, allow_private: bool, place_timeout: float, read_timeout: float
) -> Connection:
    """The account's secrets in the clear, inside the one value that hides them from logs."""
    extra = open_extra(vault, account.extra_sealed)
    proxy = extra.pop("proxy", "")
    return Connection(
        account_id=account.id,
        kind=account.venue_kind,
        host_url=account.host_url,
        stream_url=account.stream_url,
        api_key=vault.open(account.api_key_sealed) if account.api_key_sealed else "",
        api_secret=vault.open(account.api_secret_sealed) if account.api_secret_sealed else "",
        extra=extra,
        place_timeout=place_timeout,
        read_timeout=read_timeout,
        allow_private=allow_private,
        bind_address=account.bind_address,
        proxy=proxy,
        mode=Mode(account.expected_mode),
    )


def verify_key(session: Session, vault: Vault) -> None:
    """Open what is stored. Raises KeyProblem when the desk's key does not fit it."""
    for row in session.execute(select(Account.api_key_sealed, Account.api_secret_sealed, Account.extra_sealed)):
        for sealed in filter(None, row):
            vault.open(sealed)


def reseal_all(db: Database, vault: Vault) -> int:
    """Seal every secret anew under the newest key; how many accounts. A row edited meanwhile is sealed by
    its editor.
    """
    with db.write(durable=True) as session:
        accounts = session.scalars(select(Account)).all()
        done = 0
        for account in accounts:
            old = {name: getattr(account, name) for name in SEALED}
            new = {name: vault.reseal(sealed) for name, sealed in old.items() if sealed}
            done += bool(new) and swap(session, Account, account.id, old, new)
    return done
