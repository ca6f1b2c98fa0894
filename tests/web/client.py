"""A browser for tests that also reads every page it gets like a strict editor would.

`get` and `submit` lint what they bring home: one h1 that the title carries, a language, unique ids, a label for each
control, a table with a caption, no inline script or style, a content security policy, and nothing secret.
"""

import re
from collections import Counter
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PRODUCT = "Mirrordesk"
SECRETS = re.compile(r"\$argon2|gAAAA[\w-]{40}|BEGIN [A-Z ]*PRIVATE KEY|Traceback \(most recent")
UNLABELLED = {"hidden", "submit", "button", "reset", "image"}


class Page(HTMLParser):
    """What a page consists of, as far as the rules below look."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.lang = ""
        self.ids: Counter[str] = Counter()
        self.label_for: set[str] = set()
        self.controls: list[dict[str, str]] = []
        self.forms: list[dict[str, str]] = []
        self.links: list[str] = []
        self.texts: dict[str, list[str]] = {"title": [], "h1": []}
        self.faults: list[str] = []
        self._open: list[str] = []
        self._tables = self._captions = 0
        self.feed(html)
        if self._tables > self._captions:
            self.faults.append("a table without a caption")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._note_rules(tag, values)
        if "id" in values:
            self.ids[values["id"]] += 1
        if tag in self.texts and "svg" not in self._open:
            self.texts[tag].append("")
        if tag in ("svg", "label", *self.texts):
            self._open.append(tag)
        self._collect(tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            self._open.reverse()
            self._open.remove(tag)
            self._open.reverse()

    def handle_data(self, data: str) -> None:
        for tag, found in self.texts.items():
            if tag in self._open and found and "svg" not in self._open:
                found[-1] += data

    def _collect(self, tag: str, values: dict[str, str]) -> None:
        if tag == "html":
            self.lang = values.get("lang", "")
        elif tag == "label":
            self.label_for.add(values.get("for", ""))
        elif tag in ("input", "select", "textarea"):
            self.controls.append({**values, "wrapped": "yes" if "label" in self._open else ""})
        elif tag == "form":
            self.forms.append(values)
        elif tag == "a":
            self.links.append(values.get("href", ""))
        self._tables += tag == "table"
        self._captions += tag == "caption"

    def _note_rules(self, tag: str, values: dict[str, str]) -> None:
        if tag == "style" or (tag == "script" and "src" not in values):
            self.faults.append(f"inline <{tag}>")
        for name, value in values.items():
            if name == "style" or name.startswith("on") or value.strip().lower().startswith("javascript:"):
                self.faults.append(f"inline {name}= on <{tag}>")
            if name in ("src", "href") and re.match(r"(https?:)?//", value) and tag in ("script", "link", "img"):
                self.faults.append(f"<{tag}> loads from elsewhere: {value}")


def lint(response: TestResponse, *, whole: bool = True) -> Page:
    """Fail on the first page that breaks a house rule; `whole` is False for a fragment."""
    page = Page(response.text)
    faults = list(page.faults)
    faults += [f"id {name} twice" for name, count in page.ids.items() if count > 1]
    faults += [f"no label: {control}" for control in page.controls if not _labelled(control, page)]
    if SECRETS.search(page.html):
        faults.append("something secret is on the page")
    if "default-src 'none'" not in response.headers.get("Content-Security-Policy", ""):
        faults.append("no content security policy")
    if whole:
        faults += _whole(page)
    assert not faults, f"{response.request.path}: {faults}"
    return page


def _whole(page: Page) -> list[str]:
    titles = [" ".join(text.split()) for text in page.texts["title"]]
    headings = [" ".join(text.split()) for text in page.texts["h1"]]
    faults = [] if page.lang else ["no language"]
    if len(headings) != 1:
        return [*faults, f"h1s: {headings}"]
    if len(titles) != 1 or headings[0] not in titles[0] or PRODUCT not in titles[0]:
        faults.append(f"title {titles} does not carry the h1 {headings} and the product")
    return faults


def _labelled(control: dict[str, str], page: Page) -> bool:
    return bool(
        control.get("type") in UNLABELLED
        or control["wrapped"]
        or control.get("aria-label")
        or control.get("aria-labelledby")
        or control.get("id") in page.label_for
    )


class Browser:
    """One person's browser: keeps cookies, sends the page's CSRF token along, lints what it sees."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, status: int = 200, *, fragment: bool = False, follow: bool = False) -> TestResponse:
        headers = {"HX-Request": "true"} if fragment else {}
        response = self.client.get(path, headers=headers, follow_redirects=follow)
        assert response.status_code == status, (path, response.status_code, response.text[:500])
        if response.mimetype == "text/html" and response.status_code not in (301, 302, 303):
            lint(response, whole=not fragment)
        return response

    def submit(self, path: str, page: str = "", *, status: int = 303, **fields: object) -> TestResponse:
        """Open `page` (default: `path` itself), then send its form with these fields to `path`."""
        token = self.token(page or path)
        response = self.client.post(path, data={"csrf_token": token, **fields})
        assert response.status_code == status, (path, response.status_code, response.text[:2000])
        if response.mimetype == "text/html" and response.status_code not in (301, 302, 303):
            lint(response)
        return response

    def token(self, page: str) -> str:
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page).text)
        assert found, f"no CSRF token on {page}"
        return found[1]
