"""desk.py as a person meets it: one clear sentence and a failing exit code for whatever is wrong."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launcher.conftest import ROOT, alive
from tests.servers import free_port
from tests.waiting import until


def test_an_old_python_can_read_desk_py():
    assert ast.parse((ROOT / "desk.py").read_text(), feature_version=(3, 6))


def test_an_old_python_gets_a_sentence(tmp_path):
    pretend = "import sys, runpy; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", pretend, str(ROOT / "desk.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "Mirrordesk needs Python 3.11 or newer; this is Python 3.9.\n"


def test_windows_is_pointed_to_wsl():
    pretend = "import sys, runpy; sys.platform = 'win32'; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", pretend, str(ROOT / "desk.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "WSL" in done.stderr


def test_a_busy_port_is_named(copy):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        done = copy.run("start", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"Port {port} is in use by another program; choose another one with --port.\n"


@pytest.mark.parametrize("port", ["0", "65536", "eight"])
def test_a_port_that_is_none_is_refused(copy, port):
    done = copy.run("start", "--port", port)
    assert done.returncode == 2
    assert f"'{port}' is not a port" in done.stderr


def test_a_folder_that_cannot_be_written_to_is_named(copy):
    copy.instance.write_text("a file where the folder should be")
    done = copy.run("start")
    assert done.returncode == 1
    assert done.stderr.startswith(f"The folder {copy.instance} can't be written to (File exists)")
    assert done.stderr.count("\n") == 1


def test_a_setting_that_stops_a_process_at_once_is_shown(copy):
    done = copy.run("start", "--port", str(free_port()), FAKE_MIGRATE="fail")
    assert done.returncode == 1
    assert "the setting COLOUR is wrong" in done.stderr


def test_a_process_that_ends_at_once_fails_the_start_with_its_last_lines(copy):
    with copy.running("start", FAKE_WEB="fail") as process:
        assert process.wait(60) == 1
    assert "web ended at once (exit code 3)" in copy.output
    assert "the setting COLOUR is wrong" in copy.output
    assert not any(map(alive, copy.pids()))


def test_the_demo_tells_where_to_sign_in(copy):
    with copy.running("demo"):
        copy.wait_until_up()
        until(lambda: "/sign-in/once/abc" in copy.output)
        assert list(copy.children()) == ["paper", "engine", "web"]
    assert copy.output.endswith("Stopped.\n")


def test_a_demo_that_trades_once_ends_by_itself(copy):
    done = copy.run("demo", "--once")
    assert done.returncode == 0, done.stderr
    assert not any(map(alive, copy.pids()))


def test_a_demo_that_fails_says_so_to_its_caller(copy):
    assert copy.run("demo", "--once", FAKE_DEMO_ONCE="fail").returncode == 3


def test_a_second_desk_on_the_same_folder_is_refused(copy):
    with copy.running("start"):
        copy.wait_until_up()
        done = copy.run("start", "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr == f"A desk is already running on {copy.instance}; stop it first.\n"


def test_other_commands_go_to_the_application(copy):
    done = copy.run("demo-data")
    assert json.loads(done.stdout) == {"sign_in": "/sign-in/once/abc"}


def test_a_second_start_installs_nothing(copy):
    copy.run("migrate")
    stamp = copy.root / ".venv" / "mirrordesk-stamp.json"
    before = stamp.stat().st_mtime_ns
    copy.run("migrate")
    assert stamp.stat().st_mtime_ns == before


def test_a_changed_lock_is_installed(copy):
    copy.run("migrate")
    stamp = copy.root / ".venv" / "mirrordesk-stamp.json"
    before = json.loads(stamp.read_text())
    with (copy.root / "requirements.txt").open("a") as lock:
        lock.write("# still nothing\n")
    copy.run("migrate")
    assert json.loads(stamp.read_text())["requirements.txt"] != before["requirements.txt"]


def test_without_a_network_an_installation_says_so(copy, tmp_path):
    root = tmp_path / "offline"
    shutil.copytree(copy.root, root, symlinks=True)
    digest = "0" * 64
    (root / "requirements.txt").write_text(f"mirrordesk-needs-this==1.0 --hash=sha256:{digest}\n")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        closed = f"http://127.0.0.1:{probe.getsockname()[1]}/simple"
    env = copy.env(PIP_INDEX_URL=closed, PIP_CONFIG_FILE=os.devnull, PIP_RETRIES="0", PATH=_without_uv())
    done = subprocess.run(
        [sys.executable, str(root / "desk.py"), "migrate"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The requirements can't be downloaded: no network")
    assert not (root / ".venv" / "mirrordesk-stamp.json").exists()


def _without_uv() -> str:
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "uv").exists())


def test_an_installation_that_failed_is_tried_again(copy):
    stamp = copy.root / ".venv" / "mirrordesk-stamp.json"
    copy.run("migrate")
    stamp.unlink()
    assert copy.run("migrate").returncode == 0
    assert stamp.exists()


def test_ctrl_c_stops_everything(copy):
    with copy.running("start") as process:
        pids = copy.wait_until_up()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert not any(map(alive, pids))


def test_doctor_changes_nothing(copy):
    done = copy.run("doctor")
    assert "Python" in done.stdout
    assert not copy.instance.exists()
