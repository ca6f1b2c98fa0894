"""The API page in a real Chromium under the desk's own content policy."""

import pytest

from tests.web.api.conftest import session_of
from tests.web.serving import served
from tests.web.test_interface import faults_of

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(app, admin, page):
    """The page, open for the first person of the desk."""
    session_of(admin)
    cookie = admin.client.get_cookie("desk").value
    with served(app) as port:
        address = f"http://127.0.0.1:{port}"
        page.context.add_cookies([{"name": "desk", "value": cookie, "url": address}])
        page.goto(f"{address}/docs")
        yield page
        page.goto("about:blank")


def test_it_keeps_nobody_out_folded_and_unfolded(opened):
    for is_open in (False, True):
        opened.evaluate("all => document.querySelectorAll('main details').forEach(each => each.open = all)", is_open)
        for width in (390, 1280):
            opened.set_viewport_size({"width": width, "height": 844})
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert opened.evaluate(wide) <= 0, (width, is_open)
        assert faults_of(opened) == []
