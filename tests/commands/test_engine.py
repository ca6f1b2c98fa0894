"""The engine as a process: ready, asked to end, killed, and followed by another."""

import signal

import pytest

from tests.commands.running import command, lease_holder, running
from tests.waiting import until

READY = "The engine is ready."


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_that_it_is_ready_and_lets_go_of_the_lease_when_told_to_end(desk, tmp_path, number):
    with running(tmp_path, "engine", says=READY) as engine:
        until(lease_holder)
        assert engine.end(number, within=60) == 0
        assert lease_holder() == ""
        assert engine.output == f"{READY}\n"


def test_a_second_engine_waits_and_takes_over_when_the_first_is_killed(desk, tmp_path):
    with running(tmp_path, "engine", says=READY) as first:
        leader = until(lease_holder)
        with running(tmp_path, "engine", says=READY) as second:
            assert second.process.poll() is None
            assert lease_holder() == leader
            first.kill()
            follower = until(lambda: lease_holder() not in ("", leader) and lease_holder(), timeout=30)
            assert follower.startswith(f"{second.process.pid}-")
            assert second.end(within=60) == 0
    assert lease_holder() == ""


def test_a_malformed_key_stops_the_start_with_one_sentence(desk):
    (desk / "encryption.key").touch(mode=0o600)
    (desk / "encryption.key").write_text("not a key\n")
    done = command("engine")
    assert done.returncode == 1
    assert done.stderr == "Mirrordesk: An encryption key is malformed: it must be 32 bytes in URL-safe base64.\n"


def test_a_wrong_setting_stops_the_start_with_its_name(desk):
    done = command("engine", MIRRORDESK_UNKNOWN_LOOKUPS="many")
    assert done.returncode == 1
    assert done.stderr == "Mirrordesk: MIRRORDESK_UNKNOWN_LOOKUPS is 'many': say a whole number.\n"


@pytest.mark.parametrize("name", ["engine", "web"])
def test_without_its_tables_it_says_what_to_do(instance, tmp_path, name):
    with running(tmp_path, name) as process:
        assert process.process.wait(120) != 0
        assert "run `python -m app.cli migrate`" in process.output
