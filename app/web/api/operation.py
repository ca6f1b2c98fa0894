"""One operation of the API: what it takes, what it gives, and the one way every request goes.

@bp.post("") @needs(Scope.MANAGE) @operation("Accounts", "Add an account", takes=AccountAsked, gives=AccountShown)
def add(body: AccountAsked) -> Reply: ...

The ids of the path are checked, then the query, then the body; then the view answers with a model. The same
declaration is the OpenAPI document, so what is not declared is not taken.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar

from flask import Response, request
from pydantic import BaseModel

from app.web.access import SAFE_METHODS
from app.web.api.once import answer_once, key_of_request
from app.web.api.reading import check_ids, read_body, read_query

View = TypeVar("View", bound=Callable[..., Any])
Shape = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Operation:
    """`status` is that of success; `also` has the others that a caller may meet, with what they give. `can_miss`: there
    may be nothing yet of what is asked for, though the address names nothing."""

    tag: str
    summary: str
    detail: str = ""
    takes: Shape | None = None
    query: Shape | None = None
    gives: Shape | None = None
    status: int = 200
    also: Mapping[int, Shape] = field(default_factory=dict)
    key_required: bool = False
    can_miss: bool = False
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    body: BaseModel | None = None
    status: int | None = None
    location: str | None = None


def operation(tag: str, summary: str, detail: str = "", **more: Any) -> Callable[[View], Any]:
    """The view gets `query` and `body` where the operation declares them, and answers a model or a Reply."""
    declared = Operation(tag, summary, detail, **more)

    def mark(view: View) -> Any:
        @wraps(view)
        def serve(**ids: Any) -> Response:
            check_ids(ids)
            if declared.query:
                ids["query"] = read_query(declared.query)
            if request.method not in SAFE_METHODS:
                body = read_body(declared.takes)
                if declared.takes:
                    ids["body"] = body
            return _keyed(declared, lambda: respond(declared, view(**ids)))

        return describe(declared)(serve)

    return mark


def describe(declared: Operation) -> Callable[[View], View]:
    """Only the declaration, for a view that answers by itself."""

    def mark(view: View) -> View:
        view.__dict__["operation"] = declared
        return view

    return mark


def declared_by(view: Callable[..., Any]) -> Operation | None:
    return view.__dict__.get("operation")


def respond(declared: Operation, given: BaseModel | Reply | None) -> Response:
    reply = given if isinstance(given, Reply) else Reply(given)
    text = reply.body.model_dump_json() if reply.body is not None else ""
    response = Response(text, reply.status or declared.status, mimetype="application/json")
    if reply.location:
        response.headers["Location"] = reply.location
    return response


def _keyed(declared: Operation, act: Callable[[], Response]) -> Response:
    key = key_of_request(declared.key_required) if request.method == "POST" else None
    return act() if key is None else answer_once(key, act)
