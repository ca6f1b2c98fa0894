"""Every error says what happens next, with a code and a status that stay."""

import pytest

from app.core import errors


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (errors.NotFound, "not_found", 404),
        (errors.Denied, "denied", 409),
        (errors.Forbidden, "forbidden", 403),
        (errors.Retry, "unavailable", 503),
        (errors.Refused, "refused", 409),
        (errors.Unknown, "unknown", 502),
        (errors.NeedsHuman, "needs_human", 409),
    ],
)
def test_an_error_has_a_sentence_a_code_and_a_status(kind, code, status):
    error = kind("The market is closed.", exchange="NSE")
    assert (str(error), error.message, error.details) == (*["The market is closed."] * 2, {"exchange": "NSE"})
    assert (error.code, error.status) == (code, status)


def test_no_two_errors_share_a_code():
    kinds = errors.DeskError.__subclasses__()
    own = [kind for kind in kinds if kind.__module__ == "app.core.errors"]
    assert len({kind.code for kind in own}) == len(own) >= 8


def test_what_is_invalid_names_its_field():
    error = errors.Invalid.field("price", "Say a price.")
    assert (error.fields, error.status, error.code) == ({"price": ["Say a price."]}, 422, "invalid")
