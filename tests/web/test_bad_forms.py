"""Wrong input to every form of every page: told beside the field, nothing half-written, and never a fault of ours.

The forms are found by walking the pages, so a new one is tried without anybody thinking of it. What changes something
and stands on no page that is walked is tried without fields.
"""

import itertools
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from werkzeug.routing import Rule

from app.web.access import SAFE_METHODS
from tests.web.api.conftest import world  # noqa: F401 - the rows every address can name
from tests.web.api.snapshot import snapshot

MISSING = object()
BAD = {
    "missing": MISSING, "long": "x" * 5000, "absurd": "1e9999999", "text": "no such thing", "zero byte": "a\x00b",
    "surrogate": b"\xff\xfe",
}  # fmt: skip
IN_TURN = (("missing", "absurd"), ("long", "surrogate"), ("text", "zero byte"))
LATER_ROW = re.compile(r"-[1-9][0-9]*-")  # of fields such as legs-1-lots
TRIES = {"sign_in_attempts", "idempotency_keys"}  # counted on purpose


class Forms(HTMLParser):
    """The forms of a page that change something: address and fields, and the pages it leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.links: set[str] = set()
        self._select = ""
        self._in_form = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.add(urlsplit(values.get("href", "")).path)
        if tag == "form":
            self._in_form = values.get("method", "").lower() == "post"
            if self._in_form:
                self.found.append((urlsplit(values.get("action", "")).path, {}))
        elif self._in_form:
            self._note_field(tag, values)

    def handle_endtag(self, tag):
        if tag == "form":
            self._in_form = False

    def _note_field(self, tag, values):
        fields, name = self.found[-1][1], values.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in values or self._select not in fields):
            fields[self._select] = values.get("value", "")
        elif tag == "textarea" or (tag == "input" and name and _counts(values)):
            fields[name] = values.get("value", "")


def _counts(values) -> bool:
    return values.get("type") not in ("checkbox", "radio") or "checked" in values


def all_forms(browser, starts) -> dict[str, dict[str, str]]:
    """Fields by address, of every page that can be reached."""
    forms, seen, ahead = {}, set(), list(starts)
    while ahead:
        path = ahead.pop()
        if path in seen or path.startswith(("/static", "/api", "/stream", "/metrics")):
            continue
        seen.add(path)
        answer = browser.client.get(path)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            page = Forms(answer.text)
            forms |= {action or path: fields for action, fields in page.found}
            ahead += [link for link in page.links if link.startswith("/")]
        answer.close()  # of a file that was offered for taking home nothing was read
    return forms


def changing(app) -> dict[str, Rule]:
    """By endpoint: what a page's form may be sent to."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.methods - SAFE_METHODS]
    return {rule.endpoint: rule for rule in rules if not rule.rule.startswith("/api/")}


@pytest.fixture
def forms(app, admin, world):  # noqa: F811 - the fixture
    starts = ["/", f"/runs/{world.run}", f"/orders/{world.order}", f"/accounts/{world.account}", "/settings/people"]
    found = all_forms(admin, starts)
    reached = {app.url_map.bind("localhost").match(path, method="POST")[0] for path in found}
    for endpoint, rule in changing(app).items():
        if endpoint not in reached:
            found[_somewhere(rule, world)] = {}
    return found


def _somewhere(rule: Rule, world) -> str:  # noqa: F811 - as above
    """An address of it that names what there is, as far as this walk knows."""
    known = {
        "account_id": world.account, "strategy_id": world.strategy, "run_id": world.run, "order_id": world.order,
        "account_run_id": world.part, "leg_run_id": world.leg, "errand_id": world.errand,
    }  # fmt: skip
    path = rule.rule
    for name in rule.arguments:
        for spelled in (f"<{name}>", f"<int:{name}>", f"<path:{name}>"):
            path = path.replace(spelled, known.get(name, "1"))
    return path


def spoiled(fields: dict[str, str], is_known: bool):
    """The form with all fields wrong in each way; then with one field wrong, each in two ways that take turns: of
    equal rows the first, and not again where a form of the same fields was walked."""
    good = {name: text for name, text in fields.items() if name and name != "csrf_token"}
    for kind, value in BAD.items():
        if good or value is MISSING:
            yield "all", kind, {} if value is MISSING else dict.fromkeys(good, value)
    turns = itertools.cycle(IN_TURN)
    for name in [] if is_known else [name for name in good if not LATER_ROW.search(name)]:
        for kind in next(turns):
            rest = {key: text for key, text in good.items() if key != name}
            yield name, kind, rest if BAD[kind] is MISSING else rest | {name: BAD[kind]}


def kept(tables):
    return {name: rows for name, rows in tables.items() if name not in TRIES}


def test_no_form_takes_garbage_for_a_fault_of_ours_or_writes_half_of_it(admin, services, forms):
    token = admin.token("/settings/security")
    assert len(forms) > 20
    walked = set()
    for path in sorted(forms, key=_ends_something):
        before, taken = kept(snapshot(services.db)), 0
        names = frozenset(name for name in forms[path] if not LATER_ROW.search(name))
        for field, kind, body in spoiled(forms[path], names in walked):
            answer = admin.client.post(path, data={**body, "csrf_token": token})
            what = (path, field, kind, answer.status_code)
            assert answer.status_code < 500, what
            taken += answer.status_code < 400
            if answer.status_code == 422 and answer.mimetype == "text/html":
                assert 'class="error"' in answer.text or 'role="alert"' in answer.text or "problem" in answer.text, what
        walked.add(names)
        assert taken or kept(snapshot(services.db)) == before, path


def _ends_something(path: str) -> tuple[bool, str]:
    """What takes the ground from under the others comes last; leaving the desk comes after that."""
    return "sign-out" in path or "leave" in path, path
