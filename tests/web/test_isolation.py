"""Every address with an id in it, asked by a signed-in trader for another trader's rows: nothing is told or changed.

The walk goes over the app's own routes, so a new one is tried without anybody thinking of it. A new name of a parameter
fails it: say in `theirs` whose row it names, or in `EVERYBODYS` why it belongs to nobody.
"""

import itertools
from datetime import date
from types import SimpleNamespace

import pytest
from werkzeug.routing import Rule

from app.core import errands
from app.core.ids import new_id
from app.instruments.service import SYNC
from app.users.api_tokens import TokenWish
from app.users.models import LoginSession
from app.users.roles import Role
from app.web.access import PUBLIC_DOORS
from app.web.api.document import document
from tests.web.api.snapshot import snapshot
from tests.web.client import SECRETS
from tests.web.conftest import PASSWORD
from tests.web.trading import TICK_FILE, Desk

EVERYBODYS = {
    "filename": "files of the pages, the same for all",
    "exchange": "instruments are the market's",
    "symbol": "instruments are the market's",
    "override_id": "what counts, counts for everybody; only admins change it",
    "number": "of a version; whose it is, its strategy says",
    "file_name": "of a recorded day; whose it is, the recording says",
    "reading_id": "the lists of venues are the desk's; whose account was asked is told to its owner alone",
}
WITHIN = {"number", "file_name"}  # of what another name of the address leads to
LINKS = {"auth.enter"}  # the page of a link is the same for every word in its place: only sending it looks
UNTOLD = ("Zephyrine", "Quokka", "Wombat", "x7-venue-order-Asha")  # words that only the other person's rows hold
FIELDS = {
    "name": "Mine now", "role": "viewer", "active": "", "password": PASSWORD, "confirm": "y", "venue_order_id": "v1",
    "next": "/orders", "direction": "up", "version": "1",
}  # fmt: skip


def rows(services, name: str, *words: str) -> SimpleNamespace:
    """One person's: whatever an address can name."""
    account_name, strategy_name, token_name = words
    desk = Desk(services, name)
    account = desk.account(account_name)
    strategy = desk.strategy(account, name=strategy_name)
    run = desk.run(account, strategy_id=strategy)
    order = desk.order(
        account, state="unknown", venue_order_id=None, candidates=["v1"], reason=f"{account_name} timed out"
    )
    foreign = desk.foreign(account, venue_order_id="v1", side="SELL", quantity=order.quantity, status="open")
    desk.order(account, state="open", venue_order_id=f"x7-venue-order-{name}")
    together = desk.order(account, state="cancelled", cancel_batch=new_id(), venue_order_id=None)
    token, _ = services.users.keyring.create_token(desk.owner_id, TokenWish(token_name, ["read"], []))
    invite, _ = services.users.keyring.invite(desk.owner_id, Role.TRADER)
    with services.db.read() as session:
        login = session.query(LoginSession).filter_by(user_id=desk.owner_id).first()
    webhook_id, _ = desk.webhook(strategy, name=f"{strategy_name} chart")
    return SimpleNamespace(
        webhook_id=webhook_id, signal_id=desk.signal(webhook_id, note=account_name),
        template_id=services.library.save_template(desk.owner_id, strategy, f"{strategy_name} again").id,
        watchlist_id=desk.watchlist(f"{strategy_name} list"), alert_id=desk.alert(note=account_name).id,
        notification_id=desk.message(f"{account_name} lost its login."),
        foreign_seq=str(foreign.seq), difference_id=desk.difference(account, -1820, 0).id,
        account_id=account.id, strategy_id=strategy, run_id=run.id, order_id=order.id, token_id=token.id,
        batch_id=together.cancel_batch, ticket_id=desk.ticket(account).id,
        account_run_id=services.strategies.parts(desk.owner_id, run.id)[0].id,
        leg_run_id=services.strategies.leg_runs(desk.owner_id, run.id)[0].id,
        errand_id=desk.answer(strategy, account), test_id=connection_test(desk, account.id), sync_id=master_sync(desk),
        session_id=login.id, invite_id=invite.id, user_id=desk.owner_id,
        entry_id=desk.trip(account, date(2026, 11, 20), name=account_name),
        event_id=desk.touched(account),
        recording_id=desk.recording(f"NSE:{account_name}").id, replay_id=desk.played(strategy),
        token=invite.id,  # of a link: the secret opens, nothing else that is known of it does
    )  # fmt: skip


def connection_test(desk: Desk, account_id: str) -> str:
    """A connection test of an account; its id."""
    with desk.db.write() as session:
        return errands.ask(session, desk.owner_id, "test_connection", {"account_id": account_id}, desk.now).id


def master_sync(desk: Desk) -> str:
    """A reading of all lists, asked for; its id."""
    with desk.db.write() as session:
        return errands.ask(session, desk.owner_id, SYNC, {"venue_kind": "openalgo"}, desk.now).id


def address(rule: Rule, owners: dict[str, SimpleNamespace]) -> str:
    """The rule's address; each parameter names a row of its owner, the errand of an account being its test."""
    path = rule.rule.replace("<int:number>", "1")  # of a version: everybody's first
    path = path.replace("<file_name>", TICK_FILE)
    for name, owner in owners.items():
        is_test = name == "errand_id" and "account_id" in rule.arguments
        path = path.replace(f"<{name}>", getattr(owner, "test_id" if is_test else name))
    return path


@pytest.fixture
def theirs(admin, services) -> SimpleNamespace:
    return rows(services, "Asha", "Zephyrine 1", "Quokka condor", "Wombat bot")


@pytest.fixture
def trader(theirs, invited):
    return invited("trader", "Birla")


@pytest.fixture
def mine(trader, services) -> SimpleNamespace:
    return rows(services, "Birla", "Plain 1", "Plain condor", "plain bot")


def named(app) -> list[Rule]:
    """The routes that name a row of somebody, but for the doors that programs knock at without being anybody."""
    rules = (rule for rule in app.url_map.iter_rules() if rule.endpoint not in PUBLIC_DOORS)
    return [rule for rule in rules if set(rule.arguments) - set(EVERYBODYS)]


def addresses(rule: Rule, theirs: SimpleNamespace, mine: SimpleNamespace) -> list[str]:
    """With every mixture of their ids and one's own that has one of theirs in it."""
    names = sorted(rule.arguments - WITHIN)
    mixtures = itertools.product((theirs, mine), repeat=len(names))
    return [address(rule, dict(zip(names, owners, strict=True))) for owners in mixtures if theirs in owners]


def examples(app) -> dict[tuple[str, str], object]:
    """The body that the API's own document gives, by method and path with braces."""
    found = {}
    for path, methods in document(app)["paths"].items():
        for method, told in methods.items():
            if isinstance(told, dict):
                content = told.get("requestBody", {}).get("content", {})
                found[method.upper(), path] = content.get("application/json", {}).get("example")
    return found


def test_every_name_in_an_address_is_known_here(app, theirs):
    known = set(vars(theirs)) | set(EVERYBODYS)
    for rule in app.url_map.iter_rules():
        assert set(rule.arguments) <= known | WITHIN, f"{rule.rule}: teach this test whose row that names"


def ask(browser, method: str, path: str, example: object, token: str, intent_id: str):
    """As a script of the API or a form of the pages would."""
    headers = {"X-CSRFToken": token, "Idempotency-Key": new_id()}
    body = {"json": example} if path.startswith("/api/") else {"data": FIELDS | {"intent_id": intent_id}}
    has_body = method not in ("GET", "HEAD") and body != {"json": None}
    return browser.client.open(path, method=method, headers=headers, **(body if has_body else {}))


def test_an_address_with_another_persons_ids_tells_nothing_and_changes_nothing(app, services, theirs, trader, mine):
    token = trader.client.get("/api/v1/me").json["csrf_token"]
    bodies, walked = examples(app), 0
    for rule in named(app):
        fine = (200, 403, 404, 422) if rule.endpoint in LINKS else (403, 404)
        for path, method in itertools.product(addresses(rule, theirs, mine), sorted(rule.methods - {"OPTIONS"})):
            before = snapshot(services.db)
            example = bodies.get((method, rule.rule.replace("<int:", "<").replace("<", "{").replace(">", "}")))
            answer = ask(trader, method, path, example, token, theirs.errand_id)
            assert answer.status_code in fine, (method, path, answer.status_code, answer.text[:300])
            assert not [word for word in UNTOLD if word in answer.text], (method, path)
            assert not SECRETS.search(answer.text)
            assert snapshot(services.db) == before, (method, path)
            walked += 1
    assert walked > 100


def test_the_same_addresses_with_ones_own_ids_are_there(app, trader, mine):
    """Otherwise the walk above would prove nothing."""
    endless = "stream.account_stream"
    for rule in named(app):
        if "GET" in rule.methods and rule.endpoint not in LINKS | {endless, "auth.join"}:
            answer = trader.client.get(address(rule, dict.fromkeys(rule.arguments - WITHIN, mine)))
            assert answer.status_code in (200, 303), (rule.rule, answer.status_code)


def test_lists_asked_with_another_persons_ids_hold_nothing_of_theirs(app, theirs, trader, mine):
    """Filters, cursors and sorting: whatever stands behind the question mark."""
    asked = {
        "account": theirs.account_id, "account_id": theirs.account_id, "part": theirs.account_run_id,
        "account_run_id": theirs.account_run_id, "strategy": theirs.strategy_id, "strategy_id": theirs.strategy_id,
        "run": theirs.run_id, "before": theirs.order_id, "q": "Zephyrine",
    }  # fmt: skip
    walked = 0
    for rule in app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.arguments or rule.endpoint in ("stream.stream", "static"):
            continue
        for name, value in asked.items():
            answer = trader.client.get(rule.rule, query_string={name: value})
            is_down = answer.status_code == 503 and rule.endpoint == "health.live"  # no engine runs here
            assert answer.status_code < 500 or is_down, (rule.rule, name)
            shown = answer.data.decode(errors="replace").replace("q=Zephyrine", "").replace('value="Zephyrine"', "")
            assert not [word for word in UNTOLD if word in shown], (rule.rule, name)
            walked += 1
    assert walked > 100
