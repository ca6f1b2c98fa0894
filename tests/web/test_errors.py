"""One shape for every error; under /api never HTML; a 500 says its id and nothing else."""

import pytest

from app.core import errors
from tests.web.client import lint

JSON = {"Accept": "application/json"}


def shape(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    error = answer.json["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["id"] == answer.headers["X-Request-ID"]
    assert set(error) <= {"code", "message", "id", "fields"}
    return error


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("NotFound", 404, "NOT_FOUND"),
        ("Denied", 409, "DENIED"),
        ("Forbidden", 403, "FORBIDDEN"),
        ("Retry", 503, "CONNECTION_ERROR"),
        ("Refused", 409, "REFUSED"),
        ("Unknown", 502, "UNKNOWN"),
        ("NeedsHuman", 409, "NEEDS_HUMAN"),
        ("DeskError", 500, "SERVER_ERROR"),
    ],
)
def test_an_error_of_the_desk_has_its_status_and_code(probe, client, kind, status, code):
    error = shape(client.get(f"/api/probe/raise/{kind}"), status, code)
    assert error["message"] == "the sentence"


def test_invalid_input_is_told_by_field(probe, client):
    error = shape(client.get("/api/probe/raise/Invalid"), 422, "INVALID")
    assert error["fields"] == {"quantity": ["Must be more than zero."]}


def test_http_errors_under_api_are_json_whatever_is_accepted(probe, client):
    html = {"Accept": "text/html"}
    headers = {**html, "X-CSRFToken": client.csrf}
    shape(client.get("/api/nothing/here", headers=html), 404, "NOT_FOUND")
    shape(client.get("/api", headers=html), 404, "NOT_FOUND")
    shape(client.post("/api/nothing", headers=headers), 404, "NOT_FOUND")
    answer = client.delete("/api/probe", headers=headers)
    shape(answer, 405, "METHOD_NOT_ALLOWED")
    assert "GET" in answer.headers["Allow"]
    shape(client.post("/api/probe", data="x=1", headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")
    shape(
        client.post("/api/probe", data="{nonsense", content_type="application/json", headers=headers),
        400,
        "BAD_REQUEST",
    )
    shape(client.post("/api/probe", json={}, headers=html), 400, "CSRF_FAILED")
    shape(probe.test_client().get("/api/probe", headers=html), 401, "AUTH_FAILED")


def test_a_body_over_a_megabyte_is_refused_before_it_is_read(probe, client):
    headers = {"X-CSRFToken": client.csrf}
    big = "x" * 1_000_001
    shape(client.post("/api/probe", data=big, headers=headers), 413, "BODY_TOO_LARGE")
    shape(client.post("/api/nothing", data=big, headers=headers), 413, "BODY_TOO_LARGE")
    page = probe.test_client().post("/sign-in", data={"name": big})
    assert page.status_code == 413
    lint(page)


def test_a_fault_of_ours_shows_an_id_that_is_in_the_log_and_no_more(probe, client, capsys):
    error = shape(client.get("/api/probe/raise/ZeroDivisionError"), 500, "SERVER_ERROR")
    page = client.get("/probe/broken")
    assert page.status_code == 500
    lint(page)
    log = capsys.readouterr().out
    assert error["id"] in log
    assert page.headers["X-Request-ID"] in page.text
    assert "ZeroDivisionError" in log
    for answer in (str(error), page.text):
        assert "ZeroDivision" not in answer
        assert "Traceback" not in answer


def test_a_person_gets_a_page_and_a_fragment_stays_a_fragment(probe, client):
    lint(client.get("/nothing/here"))
    part = client.get("/nothing/here", headers={"HX-Request": "true"})
    lint(part, whole=False)
    assert part.status_code == 404
    assert "<html" not in part.text
    assert 'role="alert"' in part.text


def test_a_script_that_asks_for_json_gets_json_outside_api_too(probe, client):
    shape(client.get("/nothing/here", headers=JSON), 404, "NOT_FOUND")
    part = client.get("/nothing/here", headers={**JSON, "HX-Request": "true"})
    assert part.mimetype == "text/html"


def test_a_fragment_of_someone_signed_out_moves_the_whole_page(probe):
    client = probe.test_client()
    client.get("/")
    answer = client.get("/settings", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] in ("/sign-in", "/first-run")


def test_every_named_error_has_an_upper_case_code_of_its_own():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DeskError)]
    assert len({kind.code for kind in kinds}) == len(kinds)
