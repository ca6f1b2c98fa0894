"""Commands that prepare or check a desk and end."""

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config

from app.wiring import Services, build
from config import ROOT, Settings


@contextmanager
def services_of(settings: Settings) -> Iterator[Services]:
    services = build(settings)
    try:
        yield services
    finally:
        services.close()


def migrate(_options: Namespace, settings: Settings) -> int:
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    upgrade(settings.database_url)
    with services_of(settings) as services:
        services.accounts.verify_key()
        services.signals.verify_key()
        services.instruments.seed()
    return 0


def upgrade(database_url: str) -> None:
    """Bring the tables to the newest form; nothing happens when they are."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = database_url
    command.upgrade(config, "head")


def verify_audit(_options: Namespace, settings: Settings) -> int:
    with services_of(settings) as services:
        verdict = services.trail.verify()
    if verdict.holds:
        print(f"The audit trail is whole: {verdict.checked} entries, head {verdict.head}.")
        return 0
    print(f"The audit trail is broken at entry {verdict.broken_at}: {verdict.reason}")
    return 1


def rotate_key(_options: Namespace, settings: Settings) -> int:
    """The new key stands first in the key file or in MIRRORDESK_ENCRYPTION_KEYS, the old one after it."""
    with services_of(settings) as services:
        accounts, webhooks = services.accounts.reseal(), services.signals.reseal()
        print(f"{accounts} accounts and {webhooks} webhooks are sealed under the newest key.")
    return 0


def sign_in_link(options: Namespace, settings: Settings) -> int:
    with services_of(settings) as services:
        print(f"/enter/{services.users.door.make_link(options.name)}")
    return 0
