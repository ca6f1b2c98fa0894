"""The option chain: calls and puts around the money, live, and the legs a person picks from it."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import NotFound
from app.core.money import number
from app.users.roles import Scope
from app.web.access import needs
from app.web.chain_basket import MOST_LEGS, Pick, collected
from app.web.chain_choice import chosen, families, want
from app.web.chain_look import SPANS, VIEWS, Look
from app.web.chain_view import ChainPage, read_chain
from app.web.current import owner_id, services

bp = Blueprint("chain", __name__, url_prefix="/chain")


@bp.get("")
def index() -> ResponseReturnValue:
    known = families(services().clock.now())
    look = chosen(request.args, known)
    if look is None:
        return render_template("chain/none.html")
    want(look)
    return render_template("chain/index.html", **partials(look), **choices(look))


@bp.get("/rows")
def rows() -> ResponseReturnValue:
    """The strikes anew, where the money has gone."""
    return render_template("chain/_table.html", **partials(_asked()))


@bp.get("/basket")
def basket() -> ResponseReturnValue:
    """The legs after one more pick, and the choices of the page, whose links carry them."""
    look = _asked()
    return render_template("chain/_basket.html", look=look, is_fragment=True, **choices(look))


@bp.get("/strategy")
@needs(Scope.TRADE)
def strategy() -> ResponseReturnValue:
    """The picked legs in the builder: of the strategy that was chosen, or of a new one."""
    legs = [str(pick) for pick in _picks()]
    strategy_id = request.args.get("strategy_id", "")
    if not strategy_id:
        return redirect(url_for("builder.new", leg=legs), 303)
    found = services().strategies.get(owner_id(), strategy_id)
    return redirect(url_for("builder.edit", strategy_id=found.id, leg=legs), 303)


def partials(look: Look) -> dict[str, Any]:
    """What the table shows; the first paint and each refresh use the same."""
    return {"page": page_of(look), "look": look}


def page_of(look: Look) -> ChainPage:
    return read_chain(look, number(request.args.get("centre", "")[:20]))


def choices(look: Look) -> dict[str, Any]:
    known = families(services().clock.now())
    return {
        "families": known,
        "days": known.get(look.underlying, []),
        "spans": sorted({*SPANS, look.span}),
        "views": VIEWS,
        "picks": _picks(),
        "most_legs": MOST_LEGS,
        "strategies": services().strategies.list(owner_id()),
    }


def _asked() -> Look:
    look = chosen(request.args, families(services().clock.now()))
    if look is None:
        raise NotFound("No options are on record: the instrument lists were not read yet.")
    return look


def _picks() -> list[Pick]:
    return collected(request.args.getlist("leg"), request.args.get("pick", ""), request.args.get("drop", ""))
