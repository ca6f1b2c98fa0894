"""What an answer proves: done, refused, unavailable, and unknown for all that is not proven."""

import pytest

from app.core.errors import Refused, Retry, Unknown
from app.venues.openalgo.answers import (
    LONGEST_MESSAGE,
    Lost,
    NoReply,
    Reply,
    cancelled,
    identity,
    modified,
    placed,
    reading,
    sentence,
)
from app.venues.types import Mode, Outcome
from tests.venues.openalgo.captures import capture, names, reply

KEY = "0123456789abcdef" * 4
OK = {"status": "success", "orderid": "261121000000001"}


def test_an_order_id_in_a_success_is_a_placed_order():
    answer = placed(reply("ana-004"))
    assert (answer.outcome, answer.venue_order_id, answer.mode) == (Outcome.DONE, "26112120584695", Mode.PAPER)


def test_a_success_that_names_no_mode_came_from_a_live_server():
    assert placed(Reply(200, OK)).mode is Mode.LIVE


def test_an_order_id_given_as_a_number_becomes_text():
    assert placed(Reply(200, {**OK, "orderid": 261121000000001})).venue_order_id == "261121000000001"


@pytest.mark.parametrize("value", [None, "", "  ", 2.6112e30, True, [], {}])
def test_a_success_without_a_usable_order_id_is_unknown(value):
    assert placed(Reply(200, {**OK, "orderid": value})).outcome is Outcome.UNKNOWN
    assert identity(value) is None


def test_a_success_without_any_order_id_key_is_unknown():
    assert placed(Reply(200, {"status": "success"})).outcome is Outcome.UNKNOWN


def test_an_order_queued_for_approval_was_not_placed():
    queued = {"status": "success", "mode": "semi_auto", "pending_order_id": 7, "message": "Order queued for approval"}
    answer = placed(Reply(200, queued))
    assert (answer.outcome, answer.awaiting_approval) == (Outcome.REFUSED, True)
    assert answer.venue_order_id is None
    assert answer.reason == "Order queued for approval"


def test_an_error_inside_a_200_is_a_refusal_unless_it_carries_an_order_id():
    assert placed(Reply(200, {"status": "error", "message": "no"})).outcome is Outcome.REFUSED
    assert placed(Reply(200, {**OK, "status": "error"})).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "name", ["ana-008", "ana-010", "ana-011", "ana-014", "ana-015", "ana-016", "err-004", "err-018"]
)
def test_recorded_refusals_are_refused_with_words(name):
    answer = placed(reply(name))
    assert answer.outcome is Outcome.REFUSED
    assert answer.venue_order_id is None
    assert answer.reason
    assert "{" not in answer.reason


@pytest.mark.parametrize("status", [400, 403, 404])
def test_only_json_makes_a_refusal_of_a_4xx(status):
    assert placed(Reply(status, None, "Forbidden")).outcome is Outcome.UNKNOWN
    assert placed(Reply(status, {"message": "no"})).outcome is Outcome.REFUSED
    assert placed(Reply(status, {"status": "success"})).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("status", [201, 202, 204, 206, 301, 302, 307, 308, 401, 402, 409, 418, 422])
def test_other_answers_prove_nothing(status):
    assert placed(Reply(status, {"status": "error", "message": "created"})).outcome is Outcome.UNKNOWN
    assert placed(Reply(status, OK)).outcome is Outcome.UNKNOWN


def test_a_brokers_401_proves_nothing_and_a_servers_403_that_nothing_was_placed():
    said = {"status": "error", "message": "Invalid session"}
    passed_on, own = placed(Reply(401, said)), placed(Reply(403, said))
    assert (passed_on.outcome, passed_on.login_needed) == (Outcome.UNKNOWN, False)
    assert (own.outcome, own.login_needed) == (Outcome.REFUSED, True)


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_a_server_error_is_unknown(status):
    assert placed(Reply(status, {"status": "error", "message": "Failed to place order"})).outcome is Outcome.UNKNOWN
    assert placed(Reply(status, None, "<html>Bad Gateway</html>")).outcome is Outcome.UNKNOWN


def test_the_servers_own_rate_limit_was_not_sent_and_the_brokers_may_have_been():
    own = Reply(429, capture("rate-001")["example_429"]["body"])
    assert placed(own).outcome is Outcome.UNAVAILABLE
    assert placed(Reply(429, {"status": "error", "message": "Too many requests"})).outcome is Outcome.UNKNOWN
    assert placed(Reply(429, None, "<html>429</html>")).outcome is Outcome.UNKNOWN
    assert placed(Reply(429, {})).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("body", [None, [], "success", 7, [OK]])
def test_a_200_that_is_not_an_object_is_unknown(body):
    assert placed(Reply(200, body)).outcome is Outcome.UNKNOWN


def test_what_never_left_is_unavailable_and_what_was_on_the_way_is_unknown():
    assert placed(NoReply(Lost.NOT_SENT, "refused")).outcome is Outcome.UNAVAILABLE
    assert placed(NoReply(Lost.ON_THE_WAY, "reset")).outcome is Outcome.UNKNOWN


def test_a_modification_gives_the_order_id_that_may_be_a_new_one():
    answer = modified(reply("ana-019"))
    assert (answer.outcome, answer.venue_order_id) == (Outcome.DONE, "26112165095646")


def test_a_cancellation_is_done_refused_or_unknown_by_the_same_rules():
    assert cancelled(reply("ana-020")).outcome is Outcome.DONE
    assert cancelled(reply("ana-020")).venue_order_id is None
    assert cancelled(reply("ana-021")).reason == "Cannot cancel order in cancelled status"
    assert cancelled(reply("ana-022")).outcome is Outcome.REFUSED
    assert cancelled(reply("err-027")).outcome is Outcome.REFUSED
    assert cancelled(Reply(200, {"status": "success", "orderid": None})).outcome is Outcome.UNKNOWN


def test_a_semi_auto_server_refuses_a_cancellation_with_its_words():
    said = {"status": "error", "message": "Operation cancelorder not allowed in Semi-Auto mode."}
    answer = cancelled(Reply(403, said))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, 403)
    assert "Semi-Auto" in answer.reason


# -- Readings


@pytest.mark.parametrize("name", [*names("mkt"), "ana-002", "ana-026", "ana-027", "ana-028", "ana-031"])
def test_every_recorded_success_is_read(name):
    recorded = reply(name)
    if recorded.status == 200 and recorded.body is not None:
        assert reading(recorded)["status"] == "success"


@pytest.mark.parametrize("name", names("err"))
def test_no_recorded_error_is_read_as_a_success(name):
    with pytest.raises(Retry if reply(name).status == 500 else Refused) as caught:
        reading(reply(name))
    assert caught.value.details["code"] == str(reply(name).status)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (NoReply(Lost.NOT_SENT, "no route"), Retry),
        (NoReply(Lost.ON_THE_WAY, "too slow"), Retry),
        (Reply(429, {"message": "50 per 1 second"}), Retry),
        (Reply(503, None, "<html>"), Retry),
        (Reply(500, {"status": "error", "message": "broker"}), Retry),
        (Reply(501, {"status": "error", "message": "not supported"}), Refused),
        (Reply(403, None, "banned"), Refused),
        (Reply(200, {"status": "error", "message": "no"}), Refused),
        (Reply(200, None, "<html>login</html>"), Unknown),
        (Reply(200, []), Unknown),
        (Reply(200, {"data": []}), Unknown),
        (Reply(302, None, ""), Unknown),
    ],
)
def test_a_reading_that_failed_raises_what_to_do_next(result, error):
    with pytest.raises(error):
        reading(result)


# -- Words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "Order 123 not found"}, "Order 123 not found"),
        ({"message": {"symbol": ["Missing data for required field."]}}, "symbol: Missing data for required field."),
        ({"message": "{'symbol': ['Missing.'], 'price': ['Bad.']}"}, "symbol: Missing.; price: Bad."),
        ({"message": "Validation error", "errors": {"offset": ["Wrong."]}}, "offset: Wrong."),
        ({"message": "{not a dict"}, "{not a dict"),
        ({"message": "{" * 3000}, "{" * LONGEST_MESSAGE),
        ({"message": None}, ""),
        ({"message": ["one", "two"]}, "one two"),
        ({"message": {"orders": {0: {"symbol": ["Missing."]}}}}, "orders: 0: symbol: Missing."),
        ({"message": "<b>two\nlines</b>\x00"}, "two lines"),
        ({}, ""),
    ],
)
def test_each_shape_of_a_message_becomes_one_line(body, words):
    assert sentence(body) == words


def test_a_message_that_is_code_is_not_run():
    assert "import" in sentence({"message": "{__import__('os').getcwd(): 1}"})


def test_the_key_never_comes_out():
    spoken = {"status": "error", "message": f"{{'apikey': ['{KEY} is bad']}}"}
    told = [
        placed(Reply(400, spoken), KEY).reason,
        placed(Reply(502, None, f"GET /instruments?apikey={KEY}"), KEY).reason,
        placed(NoReply(Lost.ON_THE_WAY, f"reset {KEY}"), KEY).reason,
    ]
    with pytest.raises(Refused) as caught:
        reading(Reply(400, spoken), KEY)
    assert all(KEY not in words for words in [*told, str(caught.value)])
