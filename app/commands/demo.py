"""What the demo is made of: three paper brokers, one user, their accounts, and strategies worth trying.

Run again, it finds what it made before and only makes a new sign-in link. A folder that holds a real desk is left
alone.
"""

import json
import secrets
from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.accounts.models import Account
from app.commands.brokers import BROKERS
from app.commands.setup import services_of
from app.core.actors import Actor, acting
from app.core.errors import Denied, NotFound
from app.instruments.models import Fact, FactKind
from app.strategies.legs import AccountShare, Draft
from app.users.door import Visitor
from app.users.models import User
from app.wiring import Services
from config import Settings

USER = "demo"
EXCHANGES = ("NSE_INDEX", "BSE_INDEX", "NSE", "BSE", "NFO", "BFO")
NIFTY = {"underlying": "NIFTY", "expiry": "current_week", "exchange": "NFO"}
IRON_FLY = (
    NIFTY | {"action": "BUY", "kind": "CE", "strike": "OTM6", "lots": 28},
    NIFTY | {"action": "BUY", "kind": "PE", "strike": "OTM6", "lots": 28},
    NIFTY | {"action": "SELL", "kind": "CE", "strike": "ATM", "lots": 28},
    NIFTY | {"action": "SELL", "kind": "PE", "strike": "ATM", "lots": 28},
)
STRANGLE = (
    NIFTY | {"action": "BUY", "kind": "CE", "strike": "OTM2", "lots": 2},
    NIFTY | {"action": "BUY", "kind": "PE", "strike": "OTM2", "lots": 2},
)
BANK_SPREAD = (
    {"action": "BUY", "kind": "CE", "underlying": "BANKNIFTY", "expiry": "current_month", "strike": "ATM", "lots": 2},
    {"action": "SELL", "kind": "CE", "underlying": "BANKNIFTY", "expiry": "current_month", "strike": "OTM3", "lots": 2},
)
MAIN = "NIFTY iron fly, 28 lots"
STRATEGIES = ((MAIN, IRON_FLY), ("NIFTY strangle", STRANGLE), ("BANKNIFTY call spread", BANK_SPREAD))


def demo_data(options: Namespace, settings: Settings) -> int:
    brokers = json.loads(Path(options.paper).read_text(encoding="utf-8"))["brokers"]
    with services_of(settings) as services:
        user = _user(services)
        with acting(Actor(user.id, user.name)):
            always_open(services)
            accounts = [_account(services, user.id, broker) for broker in brokers]
            _strategies(services, user.id, accounts)
        print(json.dumps({"sign_in": f"/enter/{services.users.door.make_link(USER)}"}))
    return 0


def always_open(services: Services) -> None:
    """The paper market never closes; the desk's calendar must know, or it would call its prices old."""
    since = services.clock.now().date() - timedelta(days=1)
    for exchange in EXCHANGES:
        services.instruments.record_fact(
            Fact(
                kind=FactKind.SESSION,
                exchange=exchange,
                subject="*",
                effective_from=since,
                value="always",
                source="the paper market",
            )
        )


def _user(services: Services) -> User:
    try:
        return services.users.people.named(USER)
    except NotFound:
        if not services.users.people.none_yet():
            raise Denied(
                "This folder holds a desk of its own. Name another folder for the demo in MIRRORDESK_INSTANCE."
            ) from None
    return services.users.door.found(USER, secrets.token_urlsafe(24), Visitor("127.0.0.1", "demo")).user


def _account(services: Services, owner_id: str, broker: dict[str, Any]) -> Account:
    name = next(label for broker_name, label, _ in BROKERS if broker_name == broker["name"])
    known = next((a for a in services.accounts.list(owner_id) if a.name == name), None)
    values = {
        "name": name,
        "venue_kind": "openalgo",
        "host_url": f"http://127.0.0.1:{broker['rest_port']}",
        "stream_url": f"ws://127.0.0.1:{broker['ws_port']}",
        "api_key": broker["api_key"],
        "default_product": "NRML",
        "expected_mode": "paper",
        "max_in_flight": "10",
        "orders_per_second": "10",
    }
    if known is None:
        return services.accounts.add(owner_id, values)
    if (known.host_url, known.stream_url) == (values["host_url"], values["stream_url"]):
        return known
    return services.accounts.edit(owner_id, known.id, values)


def _strategies(services: Services, owner_id: str, accounts: Sequence[Account]) -> None:
    known = {strategy.name for strategy in services.strategies.list(owner_id)}
    shares = [AccountShare(account_id=account.id) for account in accounts]
    for name, legs in STRATEGIES:
        if name not in known:
            draft = Draft.model_validate({"name": name, "legs": list(legs), "accounts": shares})
            services.strategies.create(owner_id, draft)
