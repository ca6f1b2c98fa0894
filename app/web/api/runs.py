"""Runs over the API: start, look, exit as a whole, in one account, or one leg.

Starting needs an Idempotency-Key, and that key is the run's own: whatever breaks on the way, it starts one run.
"""

from flask import Blueprint, request, url_for
from sqlalchemy import select

from app.core.idempotency import HEADER
from app.strategies.models import Run
from app.strategies.service import LIVE_RUNS
from app.web.api.operation import Reply, operation
from app.web.api.run_shapes import ExitShown, RunAsked, RunList, RunsAsked, RunShown, RunWhole, run_shown, run_whole
from app.web.current import identity, owner_id, services
from app.web.run_view import read_run
from app.web.tiers import tier

bp = Blueprint("runs", __name__, url_prefix="/api/v1")

TAG = "Runs"
BY_HAND = "by hand"
EXIT_DETAIL = "Decided at once, done by the engine; look at the run for what becomes of it. Asking again does no harm."


@bp.get("/runs")
@operation(TAG, "List the runs, newest first", query=RunsAsked, gives=RunList)
def index(query: RunsAsked) -> RunList:
    wanted = select(Run).where(Run.owner_id == owner_id()).order_by(Run.id.desc()).limit(query.limit + 1)
    if query.before:
        wanted = wanted.where(Run.id < query.before)
    if query.live:
        wanted = wanted.where(Run.state.in_(LIVE_RUNS))
    with services().db.read() as session:
        found = session.scalars(wanted).all()
    page = found[: query.limit]
    more = page[-1].id if len(found) > query.limit else None
    return RunList(items=[run_shown(run) for run in page], next=more)


@bp.post("/runs")
@operation(
    TAG,
    "Start a run",
    "The same key again gives the same run, also after a crash in between.",
    takes=RunAsked,
    gives=RunShown,
    status=202,
    key_required=True,
)
def start(body: RunAsked) -> Reply:
    run_id = services().strategies.run(owner_id(), body.strategy_id, request.headers[HEADER])
    return Reply(
        run_shown(services().strategies.get_run(owner_id(), run_id)), location=url_for("api.runs.get", run_id=run_id)
    )


@bp.get("/runs/<run_id>")
@operation(TAG, "Look at a run", "With its part in each account, each leg and the figures.", gives=RunWhole)
def get(run_id: str) -> RunWhole:
    return run_whole(read_run(owner_id(), run_id))


@bp.post("/runs/<run_id>/exit")
@tier("exit")
@operation(TAG, "Exit a run in all accounts", EXIT_DETAIL, gives=ExitShown, status=202)
def exit_run(run_id: str) -> ExitShown:
    decided = services().strategies.exit_run(owner_id(), run_id, BY_HAND, identity().user.name)
    return ExitShown(id=run_id, decided=decided)


@bp.post("/account-runs/<account_run_id>/exit")
@tier("exit")
@operation(TAG, "Exit a run in one account", EXIT_DETAIL, gives=ExitShown, status=202)
def exit_account(account_run_id: str) -> ExitShown:
    decided = services().strategies.exit_account(owner_id(), account_run_id, BY_HAND, identity().user.name)
    return ExitShown(id=account_run_id, decided=decided)


@bp.post("/leg-runs/<leg_run_id>/exit")
@tier("exit")
@operation(TAG, "Exit one leg in one account", EXIT_DETAIL, gives=ExitShown, status=202)
def exit_leg(leg_run_id: str) -> ExitShown:
    decided = services().strategies.exit_leg(owner_id(), leg_run_id, BY_HAND, identity().user.name)
    return ExitShown(id=leg_run_id, decided=decided)
