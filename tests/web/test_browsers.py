import pytest

from app.web.browsers import browser_of

SAFARI = "(Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15"
CHROME = "(Linux; Android 10; K) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36"
EDGE = "(Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0 Safari/537.36 Edg/131.0"


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (SAFARI, "Safari on macOS"),
        (CHROME, "Chrome on Android"),
        (EDGE, "Edge on Windows"),
        ("python-httpx/0.28", "python-httpx/0.28"),
        ("", "Unknown"),
        ("x" * 300, "x" * 60),
    ],
)
def test_a_browser_is_named_as_people_name_it(user_agent, words):
    assert browser_of(user_agent) == words
