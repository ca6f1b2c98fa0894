"""What each role may do. A permission is asked for by what the call would do, never by who calls."""

from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    TRADER = "trader"
    VIEWER = "viewer"


class Scope(StrEnum):
    READ = "read"
    TRADE = "trade"  # orders, strategies, exits
    MANAGE = "manage"  # accounts, keys, limits
    ADMIN = "admin"  # other people
    METRICS = "metrics"  # the desk's own numbers, of everybody's accounts together
    SELF = "self"  # one's own password, sessions, tokens and looks; never through an API token


TOKEN_SCOPES = (Scope.READ, Scope.TRADE, Scope.MANAGE, Scope.METRICS)

SCOPES: dict[Role, frozenset[Scope]] = {
    Role.VIEWER: frozenset({Scope.READ, Scope.SELF}),
    Role.TRADER: frozenset({Scope.READ, Scope.TRADE, Scope.MANAGE, Scope.SELF}),
    Role.ADMIN: frozenset(Scope),
}


def scopes_of(role: str, granted: list[str] | None = None) -> frozenset[Scope]:
    """What a role may do; through a token, only what the token was granted as well."""
    allowed = SCOPES[Role(role)]
    if granted is None:
        return allowed
    return allowed & {scope for scope in TOKEN_SCOPES if scope in granted}
