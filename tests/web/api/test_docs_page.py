"""The API page in a real Chromium under the desk's own content policy."""

import logging
import threading

import pytest
from werkzeug.serving import make_server

from tests.web.api.conftest import session_of
from tests.web.test_interface import faults_of

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(app, admin, page):
    """The page, open for the first person of the desk."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    session_of(admin)
    cookie = admin.client.get_cookie("desk").value
    server = make_server("127.0.0.1", 0, app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    page.context.add_cookies([{"name": "desk", "value": cookie, "url": address}])
    page.goto(f"{address}/docs")
    yield page
    page.goto("about:blank")
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_it_keeps_nobody_out_folded_and_unfolded(opened):
    for is_open in (False, True):
        opened.evaluate("all => document.querySelectorAll('main details').forEach(each => each.open = all)", is_open)
        for width in (390, 1280):
            opened.set_viewport_size({"width": width, "height": 844})
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert opened.evaluate(wide) <= 0, (width, is_open)
        assert faults_of(opened) == []
