"""Secrets at rest, and the key that opens them."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from app.core.crypto import KeyProblem, Vault, load_keys

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_was_sealed_opens_and_does_not_show():
    vault = Vault([OLD])
    sealed = vault.seal("broker key ✓")
    assert vault.open(sealed) == "broker key ✓"
    assert "broker" not in sealed
    assert vault.seal("broker key ✓") != sealed


def test_the_newest_key_seals_and_every_key_opens():
    sealed = Vault([OLD]).seal("secret")
    both = Vault([NEW, OLD])
    assert both.open(sealed) == "secret"
    resealed = both.reseal(sealed)
    assert Vault([NEW]).open(resealed) == "secret"
    with pytest.raises(KeyProblem):
        Vault([OLD]).open(resealed)


@pytest.mark.parametrize("act", ["open", "reseal"])
def test_a_key_that_does_not_fit_says_so_and_shows_nothing(act):
    sealed = Vault([OLD]).seal("secret")
    with pytest.raises(KeyProblem, match="restore the old key") as caught:
        getattr(Vault([NEW]), act)(sealed)
    assert NEW not in str(caught.value)


@pytest.mark.parametrize("sealed", ["", "nonsense", "gAAAAA"])
def test_what_was_never_sealed_does_not_open(sealed):
    with pytest.raises(KeyProblem):
        Vault([OLD]).open(sealed)


@pytest.mark.parametrize("keys", [[""], ["short"], [OLD, "not a key"], [OLD[:-5]], []])
def test_a_malformed_key_is_named_as_such_and_not_repeated(keys):
    with pytest.raises(KeyProblem, match="malformed") as caught:
        Vault(keys)
    assert not keys or keys[-1] == "" or keys[-1] not in str(caught.value)


def test_a_new_desk_makes_its_key_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "instance" / "encryption.key"
    first = load_keys("", path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keys("", path) == first
    assert Vault(first).open(Vault(first).seal("secret")) == "secret"


def test_a_file_may_hold_a_new_key_above_the_old_one(tmp_path):
    path = tmp_path / "encryption.key"
    path.touch(mode=0o600)
    path.write_text(f"{NEW}\n{OLD}\n")
    assert load_keys("", path) == [NEW, OLD]


def test_keys_of_the_environment_come_first_and_make_no_file(tmp_path):
    path = tmp_path / "encryption.key"
    assert load_keys(f" {NEW} , {OLD},", path) == [NEW, OLD]
    assert not path.exists()


def test_a_key_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "encryption.key"
    load_keys("", path)
    path.chmod(0o640)
    with pytest.raises(KeyProblem, match="chmod 600"):
        load_keys("", path)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00"])
def test_an_empty_or_broken_key_file_is_a_problem_with_the_key(tmp_path, content):
    path = tmp_path / "encryption.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(KeyProblem):
        Vault(load_keys("", path))


def test_eight_processes_that_start_together_share_one_key(tmp_path):
    script = "import sys; from pathlib import Path; from app.core.crypto import load_keys; sys.stdin.read(1); "
    script += "print(*load_keys('', Path(sys.argv[1])))"
    command = [sys.executable, "-c", script, str(tmp_path / "encryption.key")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as stack:
        started = [stack.enter_context(subprocess.Popen(command, cwd=ROOT, env=os.environ, **pipes)) for _ in range(8)]
        for process in started:
            process.stdin.close()
        keys = [process.stdout.read() for process in started]
    assert [process.returncode for process in started] == [0] * 8
    assert len(set(keys)) == 1
    assert keys[0].strip()
