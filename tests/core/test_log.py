"""What reaches the log, and what never does."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.log import HIDDEN, redact

ROOT = Path(__file__).resolve().parents[2]
KEY = "0123456789abcdef" * 4


def cleaned(**entry):
    return redact(logging.getLogger(), "info", entry)


@pytest.mark.parametrize(
    "name",
    ["api_key", "apikey", "API_KEY", "client_secret", "password", "new_password", "access_token", "Authorization",
     "cookie", "signature", "private_key", "x_token"],
)  # fmt: skip
def test_what_is_named_like_a_secret_loses_its_value(name):
    assert cleaned(**{name: "hunter2"}) == {name: HIDDEN}


def test_a_long_hexadecimal_text_is_hidden_wherever_it_stands():
    assert KEY not in str(cleaned(event=f"sent apikey={KEY} to the server", body=[{"url": f"/x?k={KEY}"}, (KEY,)]))


def test_secrets_inside_other_things_are_hidden_however_deep():
    shown = cleaned(body={"outer": [{"password": "hunter2", "symbol": "SBIN"}]}, headers={"Authorization": "Bearer x"})
    assert shown == {"body": {"outer": [{"password": HIDDEN, "symbol": "SBIN"}]}, "headers": {"Authorization": HIDDEN}}


def test_what_is_no_secret_stays_readable():
    entry = {"event": "order_sent", "order_id": "01M7Y6M3H3KRBQJ7V8585XPKJY", "price": 320.5, "password": ""}
    assert cleaned(**entry) == entry


SCRIPT = """
import logging, sys
from pathlib import Path
import structlog
from app.core.log import set_up
set_up(Path(sys.argv[1]), "engine")
log = structlog.get_logger()
log.info("order_sent", symbol="SBIN", apikey="hunter2")
log.debug("too_small_to_tell")
logging.getLogger("other").warning("plain words with %s", sys.argv[2])
logging.getLogger("httpx").info("GET http://server/x?apikey=hunter2")
try:
    form = {"password": "hunter2"}
    raise ValueError(f"bad key {sys.argv[2]}")
except ValueError:
    log.exception("failed")
    logging.getLogger("other").exception("failed plainly")
log.info("text", name="नमस्ते")
"""


@pytest.fixture
def written(tmp_path) -> str:
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "logs"), KEY], cwd=ROOT, check=True)
    return (tmp_path / "logs" / "engine.jsonl").read_text(encoding="utf-8")


def test_each_line_is_an_object_with_a_time_in_utc_and_a_level(written):
    lines = [json.loads(line) for line in written.splitlines()]
    assert [line["event"] for line in lines] == [
        "order_sent", f"plain words with {HIDDEN}", "failed", "failed plainly", "text",
    ]  # fmt: skip
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error", "info"]
    assert lines[0]["symbol"] == "SBIN"
    assert "नमस्ते" in written


def test_no_secret_reaches_the_file_not_even_through_an_exception(written):
    assert "hunter2" not in written
    assert KEY not in written
    assert "ValueError" in written
