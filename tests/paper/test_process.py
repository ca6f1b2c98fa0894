"""The paper broker as a process: it starts, says where it is, and ends when told."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from tests.paper.running import PATIENCE, ROOT, PaperServer
from tests.servers import free_port
from tests.waiting import until


@pytest.fixture
def config(tmp_path):
    def write(**settings):
        file = tmp_path / "paper.json"
        brokers = [{"name": "zerodha", "api_key": "k", "limits": False}]
        file.write_text(json.dumps({"brokers": brokers, **settings}))
        return file

    return write


@pytest.fixture
def start():
    processes = []

    def run(file, *options):
        process = subprocess.Popen(
            [sys.executable, "-m", "app.paper", "--config", str(file), *options],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def hang(ready):
    """Leave a call without an answer."""
    control, rest = ready["control_url"], ready["brokers"][0]["rest_url"]
    httpx.post(f"{control}/_paper/faults", json={"kind": "lost", "endpoint": "ping"}, timeout=PATIENCE)

    def call():
        with contextlib.suppress(httpx.HTTPError):
            httpx.post(f"{rest}/api/v1/ping", json={"apikey": "k"}, timeout=90)

    thread = threading.Thread(target=call)
    thread.start()
    until(lambda: state(ready)["brokers"]["zerodha"]["counters"].get("ping hang"))
    return thread


def state(ready):
    answer = httpx.get(f"{ready['control_url']}/_paper/state", timeout=PATIENCE)
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_even_with_a_call_hanging(config, start, number):
    process = start(config())
    thread = hang(json.loads(process.stdout.readline()))
    os.kill(process.pid, number)
    assert process.wait(30) == 0
    thread.join(30)
    assert process.stderr.read() == ""


def test_it_goes_with_its_parent_when_asked_to(config, start):
    process = start(config(), "--with-parent")
    process.stdout.readline()
    process.stdin.close()
    process.stdin = None
    assert process.wait(30) == 0


def test_it_stays_when_its_input_closes_otherwise(config, start):
    process = start(config())
    ready = json.loads(process.stdout.readline())
    process.stdin.close()
    process.stdin = None
    assert state(ready)


@pytest.mark.parametrize(
    "settings",
    [
        {"brokers": []},
        {"sessions": "sometimes"},
        {"start": "yesterday"},
        {"colour": "red"},
        {"brokers": [{"name": "a"}]},
        {"brokers": [{"name": "a", "api_key": "k", "mode": "dry"}]},
        {"brokers": [{"name": "a", "api_key": "k"}] * 2},
    ],
)
def test_a_wrong_config_is_named_and_nothing_starts(config, start, settings):
    process = start(config(**settings))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "paper.json" in err


def test_a_taken_port_is_said_plainly(config, start):
    with PaperServer([{"name": "first", "rest_port": free_port()}]) as paper:
        port = int(paper["first"].rest_url.rsplit(":", 1)[1])
        process = start(config(brokers=[{"name": "second", "api_key": "k", "rest_port": port}]))
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "in use" in err
    assert "Traceback" not in err


def test_it_listens_on_loopback_only_unless_told_otherwise(config, start):
    ready = json.loads(start(config()).stdout.readline())
    assert all(url.split("//")[1].startswith("127.0.0.1") for url in (ready["control_url"],))
    assert ready["brokers"][0]["rest_url"].startswith("http://127.0.0.1")
