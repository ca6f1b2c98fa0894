"""The supervisor with real processes: what ends is started again, and nothing outlives the desk."""

import json
import os
import resource
import signal

from launcher.supervisor import MOST_FILES
from tests.launcher.conftest import alive
from tests.servers import free_port
from tests.waiting import until


def test_a_killed_process_is_started_again_and_said_so(copy):
    with copy.running("start"):
        pids = copy.wait_until_up()
        killed = copy.children()["engine"]["pid"]
        os.kill(killed, signal.SIGKILL)
        until(lambda: copy.children().get("engine", {}).get("restarts") == 1)
        assert copy.children()["engine"]["pid"] != killed
        until(lambda: copy.children()["engine"]["ready"])
        assert "engine | ENDED (signal SIGKILL), restart 1 follows" in copy.output
        entry = json.loads((copy.instance / "run" / "restarts.jsonl").read_text())
    assert (entry["name"], entry["pid"], entry["ended"]) == ("engine", killed, "signal SIGKILL")
    assert not any(map(alive, pids | copy.pids()))


def test_what_a_killed_process_had_started_goes_with_it(copy):
    with copy.running("start"):
        copy.wait_until_up()
        web, helper = map(int, (copy.instance / "web.pids").read_text().split())
        os.kill(web, signal.SIGKILL)
        until(lambda: not alive(helper))


def test_each_process_may_have_as_many_files_open_as_the_system_lets_it(copy):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    try:
        with copy.running("start"):
            pids = copy.wait_until_up()
            limits = {resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert limits == {(min(MOST_FILES, hard), hard)}


def test_sigterm_leaves_no_process(copy):
    with copy.running("start") as process:
        pids = copy.wait_until_up()
        assert all(map(alive, pids))
        process.terminate()
        assert process.wait(30) == 0
    assert not any(map(alive, pids))
    assert not (copy.instance / "run" / "children.json").exists()


def test_a_second_ctrl_c_does_not_wait_for_the_deaf(copy):
    with copy.running("start", FAKE_DEAF="1") as process:
        pids = copy.wait_until_up()
        process.send_signal(signal.SIGINT)
        until(lambda: "a second Ctrl-C" in copy.output)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0  # of the 20 s that two deaf ones are given
    until(lambda: not any(map(alive, pids)))


def test_a_killed_launcher_leaves_no_process(copy):
    with copy.running("start") as process:
        pids = copy.wait_until_up()
        process.kill()
        process.wait()
        until(lambda: not any(map(alive, pids)), timeout=20)


def test_the_folder_stays_held_until_the_deaf_children_of_a_killed_launcher_are_gone(copy):
    with copy.running("start", FAKE_DEAF="1") as process:
        pids = copy.wait_until_up()
        process.kill()
        process.wait()
        assert "already running" in copy.run("start", "--port", str(free_port())).stderr
        until(lambda: not any(map(alive, pids)), timeout=20)


def test_output_is_kept_in_a_log_of_each_process(copy):
    with copy.running("start"):
        copy.wait_until_up()
    assert "engine ready" in (copy.instance / "logs" / "engine.log").read_text()
    assert "web ready" in (copy.instance / "logs" / "web.log").read_text()


def test_with_its_terminal_gone_the_desk_restarts_what_ends_and_stops_in_order(copy):
    with copy.unread("start") as process:
        until(lambda: len(copy.ready()) == 2, timeout=120)
        process.stdout.close()
        killed = copy.children()["engine"]["pid"]
        os.kill(killed, signal.SIGKILL)
        until(lambda: copy.ready().get("engine", killed) != killed)
        assert process.poll() is None
        pids = copy.pids()
        process.terminate()
        process.wait(30)
    assert not any(map(alive, pids))
    assert not (copy.instance / "run" / "children.json").exists()


def test_where_nothing_can_be_written_what_ends_is_restarted_all_the_same(copy):
    with copy.running("start") as process:
        copy.wait_until_up()
        killed = copy.children()["engine"]["pid"]
        for name in ("run/children.new", "run/restarts.jsonl"):  # a folder of that name: also root cannot write it
            (copy.instance / name).mkdir()
        (copy.instance / "logs" / "engine.log").unlink()
        (copy.instance / "logs" / "engine.log").mkdir()
        os.kill(killed, signal.SIGKILL)
        until(lambda: copy.output.count("engine | ready") == 2)
        assert process.poll() is None
        assert copy.output.count("cannot write in") == 1
