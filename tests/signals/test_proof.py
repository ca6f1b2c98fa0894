"""What proves a message and what it asks for: decided from values alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.signals import message as messages
from app.signals.message import Action
from app.signals.proof import sign, why_unknown, why_unsigned

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
SECRET = "mdw_rehearsal"
BODY = b'{"action": "enter"}'


def test_a_signature_of_this_body_under_this_secret_holds_for_five_minutes_either_way():
    header = sign(SECRET, NOW, BODY)
    for seconds in (0, 300, -300):
        assert why_unsigned(SECRET, header, BODY, NOW + timedelta(seconds=seconds)) == ""
    for seconds in (301, -301):
        assert "five minutes" in why_unsigned(SECRET, header, BODY, NOW + timedelta(seconds=seconds))


@given(st.binary(max_size=60))
def test_a_signature_holds_for_no_other_body(body):
    why = why_unsigned(SECRET, sign(SECRET, NOW, BODY), body, NOW)
    assert (why == "") == (body == BODY)


def test_a_signature_holds_for_no_other_secret_and_no_other_time():
    header = sign(SECRET, NOW, BODY)
    assert "not of this body" in why_unsigned("mdw_other", header, BODY, NOW)
    later = header.replace(str(int(NOW.timestamp())), str(int(NOW.timestamp()) + 1))
    assert "not of this body" in why_unsigned(SECRET, later, BODY, NOW)


def test_openssl_signs_alike():
    """printf '%s.%s' 1795154400 '{"action": "enter"}' | openssl dgst -sha256 -hmac mdw_rehearsal -hex"""
    known = "acf165a2a22b1177e61b8ef96fadf3657486f2c32e64204c856536c3b88cba7d"
    assert sign(SECRET, NOW, BODY) == f"t=1795154400,v1={known}"


@given(st.text(max_size=90))
def test_what_is_no_signature_is_told_so(header):
    assert why_unsigned(SECRET, header, BODY, NOW) != ""


@pytest.mark.parametrize("told", [None, "", 5, True, ["mdw_rehearsal"], "mdw_Rehearsal", "mdw_rehearsal ", "\ud800"])
def test_a_secret_is_compared_letter_for_letter(told):
    assert why_unknown(SECRET, told) != ""


def test_the_secret_itself_is_proof_enough():
    assert why_unknown(SECRET, SECRET) == ""


@pytest.mark.parametrize(
    "body", [b"", b"enter", b"[]", b"3", b"null", b'"enter"', b"{", b"\xff", b"[" * 9000, b'{"a":' * 5000, b"9" * 9000]
)
def test_what_is_no_object_is_refused_by_field(body):
    with pytest.raises(Invalid) as refused:
        messages.read(body)
    assert list(refused.value.fields) == ["body"]


def test_a_body_of_more_than_sixteen_kilobytes_is_not_read():
    with pytest.raises(Invalid):
        messages.read(json.dumps({"note": "x" * messages.LONGEST}).encode())


@pytest.mark.parametrize("word", ["enter", " ENTER ", "entry", "start"])
def test_words_for_enter(word):
    assert messages.asked({"action": word}, "").action is Action.ENTER


@pytest.mark.parametrize("word", ["exit", "Leave", "close", "FLAT"])
def test_words_for_exit(word):
    assert messages.asked({"action": word}, "").action is Action.EXIT


@pytest.mark.parametrize("word", ["buy", "sell", "", " ", 1, True, [], {}, "enter exit"])
def test_any_other_word_is_refused_and_not_guessed(word):
    with pytest.raises(Invalid) as refused:
        messages.asked({"action": word}, "enter")
    assert list(refused.value.fields) == ["action"]


def test_a_message_without_an_action_means_what_its_webhook_says():
    assert messages.asked({}, "exit").action is Action.EXIT
    with pytest.raises(Invalid):
        messages.asked({}, "")


@pytest.mark.parametrize("told", [[], {}, 1.5, True, "x" * 101, 10**101])
def test_an_id_is_text_or_a_whole_number_of_a_hundred_characters(told):
    with pytest.raises(Invalid) as refused:
        messages.event_id({"id": told})
    assert list(refused.value.fields) == ["id"]


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=8), st.integers(), st.none()), max_size=4))
def test_what_is_written_down_never_has_the_secret_and_fits_every_database(told):
    kept = messages.kept(told | {"secret": "mdw_hidden"})
    assert "mdw_hidden" not in kept
    assert kept.isascii()
    assert "\x00" not in kept
    assert messages.kept(told | {"secret": "a"}) == messages.kept(told | {"secret": "b"})
