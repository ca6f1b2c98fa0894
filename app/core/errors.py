"""Errors are named by what happens next."""


class DeskError(Exception):
    """Something a person or a caller must be told; `code` is stable, `message` is a sentence."""

    code = "error"
    status = 500

    def __init__(self, message: str, **details: str) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class Invalid(DeskError):
    """The input is wrong and nothing was changed; `fields` maps a field to its sentences."""

    code = "invalid"
    status = 422

    def __init__(self, fields: dict[str, list[str]], message: str = "Some fields need attention.") -> None:
        super().__init__(message)
        self.fields = fields

    @classmethod
    def field(cls, name: str, sentence: str) -> "Invalid":
        return cls({name: [sentence]})


class NotFound(DeskError):
    """No such row for this user: someone else's row is not found either."""

    code = "not_found"
    status = 404


class Denied(DeskError):
    """We refuse, before anything was sent."""

    code = "denied"
    status = 409


class Forbidden(DeskError):
    """The role does not allow it."""

    code = "forbidden"
    status = 403


class Retry(DeskError):
    """Nothing happened at the venue and a later try may work: unreachable, busy, rate limited."""

    code = "unavailable"
    status = 503


class Refused(DeskError):
    """The venue said no, provably; the message is in its own words."""

    code = "refused"
    status = 409


class Unknown(DeskError):
    """Something was sent and its answer was lost: only evidence can tell."""

    code = "unknown"
    status = 502


class NeedsHuman(DeskError):
    """No rule decides this; a person must."""

    code = "needs_human"
    status = 409
