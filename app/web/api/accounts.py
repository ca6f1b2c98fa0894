"""Accounts over the API. The connection test runs in the engine: its answer is an errand."""

from typing import Any

from flask import Blueprint, url_for

from app.accounts.models import Account
from app.accounts.states import TradingState
from app.core.errors import Invalid
from app.risk.states import Extent, Kind
from app.users.roles import Scope
from app.web.access import needs
from app.web.api import waiting
from app.web.api.account_shapes import AccountAsked, AccountEdit, AccountFields, AccountList, AccountShown, MoveAsked
from app.web.api.account_shapes import account_shown as shown_with
from app.web.api.operation import Reply, operation
from app.web.api.risk_shapes import STATE_DETAIL, StandingShown, StateAsked, standing_shown
from app.web.api.waiting import ErrandShown
from app.web.current import identity, owner_id, services, visitor
from app.web.stopping import asker
from app.web.tiers import tier

bp = Blueprint("accounts", __name__, url_prefix="/api/v1/accounts")

TAG = "Accounts"
EDIT_DETAIL = (
    "The whole account anew; only empty secrets keep what is stored. Changing a key, or where keys are sent, asks for "
    "more: a person's password, from a program the key itself."
)


@bp.get("")
@operation(TAG, "List the accounts", gives=AccountList)
def index() -> AccountList:
    return _all()


@bp.post("")
@needs(Scope.MANAGE)
@operation(TAG, "Connect an account", takes=AccountAsked, gives=AccountShown, status=201)
def add(body: AccountAsked) -> Reply:
    values = _values(body, body.venue_kind)
    account = services().accounts.add(owner_id(), values)
    return Reply(_shown(account), location=url_for("api.accounts.get", account_id=account.id))


@bp.get("/<account_id>")
@operation(TAG, "Look at an account", gives=AccountShown)
def get(account_id: str) -> AccountShown:
    return _shown(services().accounts.get(owner_id(), account_id))


@bp.put("/<account_id>")
@needs(Scope.MANAGE)
@operation(TAG, "Change an account", EDIT_DETAIL, takes=AccountEdit, gives=AccountShown)
def edit(account_id: str, body: AccountEdit) -> AccountShown:
    known = services().accounts.get(owner_id(), account_id)
    values = _values(body, known.venue_kind)
    if _touches_keys(body, known):
        _prove(body)
    return _shown(services().accounts.edit(owner_id(), account_id, values, body.version))


@bp.delete("/<account_id>")
@needs(Scope.MANAGE)
@operation(
    TAG, "Remove an account", "Its keys are wiped, its orders stay. Refused while it holds something.", status=204
)
def remove(account_id: str) -> None:
    services().accounts.remove(owner_id(), account_id)


@bp.post("/<account_id>/test")
@tier("heavy")
@operation(TAG, "Test the connection", "The engine does it: look at the errand.", gives=ErrandShown, status=202)
def test(account_id: str) -> Reply:
    services().accounts.get(owner_id(), account_id)
    return waiting.answered(waiting.ask(owner_id(), "test_connection", {"account_id": account_id}))


@bp.post("/<account_id>/enable")
@needs(Scope.MANAGE)
@operation(TAG, "Enable an account", gives=AccountShown)
def enable(account_id: str) -> AccountShown:
    return _shown(services().accounts.set_enabled(owner_id(), account_id, True))


@bp.post("/<account_id>/disable")
@needs(Scope.MANAGE)
@operation(TAG, "Disable an account", "Closes its connection. Refused while it holds something.", gives=AccountShown)
def disable(account_id: str) -> AccountShown:
    return _shown(services().accounts.set_enabled(owner_id(), account_id, False))


@bp.post("/<account_id>/pause")
@tier("exit")
@operation(TAG, "Pause an account", "Only orders that shrink its risk go out.", gives=AccountShown)
def pause(account_id: str) -> AccountShown:
    return _moved(account_id, TradingState.REDUCING)


@bp.post("/<account_id>/resume")
@operation(TAG, "Let a paused account trade again", gives=AccountShown)
def resume(account_id: str) -> AccountShown:
    return _moved(account_id, TradingState.ACTIVE)


@bp.put("/<account_id>/trading-state")
@operation(TAG, "Pause, halt or let trade", STATE_DETAIL, takes=StateAsked, gives=StandingShown)
def set_trading_state(account_id: str, body: StateAsked) -> StandingShown:
    extent = Extent(Kind.ACCOUNT, account_id)
    return standing_shown(services().risk.set_state(asker(), extent, TradingState(body.state), body.why))


@bp.post("/<account_id>/make-primary")
@needs(Scope.MANAGE)
@operation(TAG, "Make an account primary", "Its connection then serves prices.", gives=AccountShown)
def make_primary(account_id: str) -> AccountShown:
    return _shown(services().accounts.make_primary(owner_id(), account_id))


@bp.post("/<account_id>/move")
@needs(Scope.MANAGE)
@operation(TAG, "Move an account in the failover order", takes=MoveAsked, gives=AccountList)
def move(account_id: str, body: MoveAsked) -> AccountList:
    services().accounts.move(owner_id(), account_id, up=body.direction == "up")
    return _all()


def _moved(account_id: str, state: TradingState) -> AccountShown:
    services().risk.set_state(asker(), Extent(Kind.ACCOUNT, account_id), state)
    return _shown(services().accounts.get(owner_id(), account_id))


def _all() -> AccountList:
    accounts = services().accounts.list(owner_id())
    seen = services().health.of(account.id for account in accounts)
    return AccountList(items=[shown_with(account, seen.get(account.id)) for account in accounts])


def _shown(account: Account) -> AccountShown:
    return shown_with(account, services().health.of([account.id]).get(account.id))


def _values(body: AccountFields, venue_kind: str) -> dict[str, Any]:
    """As the accounts room reads them: a venue's further secrets stand beside the rest, under their own names."""
    kind = services().accounts.kinds.get(venue_kind)
    known = {field.name for field in kind.extra} if kind else set()
    strange = set(body.extra) - known
    if kind and strange:
        raise Invalid({f"extra.{name}": ["This kind of venue knows no such secret."] for name in sorted(strange)})
    typed = body.model_dump(exclude={"extra", "version", "password"})
    return {**typed, **body.extra, "venue_kind": venue_kind}


def _touches_keys(body: AccountEdit, known: Account) -> bool:
    """Whether keys are changed, or would be sent somewhere else than before."""
    where = [body.host_url.rstrip("/"), body.stream_url.rstrip("/"), body.bind_address]
    typed = (body.api_key, body.api_secret, body.proxy, body.clear_proxy, *body.extra.values())
    return any(typed) or where != [known.host_url, known.stream_url, known.bind_address]


def _prove(body: AccountEdit) -> None:
    """An open browser, or a token alone, must not send stored keys to another place."""
    if identity().is_program:
        if not body.api_key:
            raise Invalid.field("api_key", "Changing keys or addresses needs the key itself.")
        return
    if not body.password:
        raise Invalid.field("password", "Changing keys or addresses needs your password.")
    services().users.door.confirm(identity().user, body.password, visitor().ip)
