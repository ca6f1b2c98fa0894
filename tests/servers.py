"""A real Redis and a real PostgreSQL, started once per test run on a free loopback port, with nothing kept.

On a developer's machine without them their tests are skipped; with CI set they fail instead.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests.waiting import until

CommandFor = Callable[[int], list[str]]  # from a port to the command that serves it
ATTEMPTS = 3  # where a port can't be kept, another program may take it between our look and the server's bind


def free_port() -> int:
    """A port on which nobody listens. On Linux it is ours until the run ends: whoever names it may listen there, and
    nobody is given it by chance, neither a server of another worker nor a connection on its way out."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
    if sys.platform == "linux":
        probe.detach()  # stays bound until the process ends
    probe.close()
    return port


def missing(what: str) -> None:
    """Skip where a person works; fail where nothing may be left out."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


@contextlib.contextmanager
def running(command_for: CommandFor, ready: Callable[[int], bool], log: Path) -> Iterator[int]:
    """Run the server that `command_for(port)` names until the block ends; gives its port once `ready`."""
    process, port = _start(command_for, ready, log)
    try:
        yield port
    finally:
        _end(process)


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _start(command_for: CommandFor, ready: Callable[[int], bool], log: Path) -> tuple[subprocess.Popen, int]:
    for _ in range(ATTEMPTS):
        port = free_port()
        with log.open("ab") as out:
            process = subprocess.Popen(
                command_for(port), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )  # a Ctrl-C is for whoever asked, who ends it in turn
        try:
            until(lambda process=process, port=port: process.poll() is not None or ready(port), timeout=120)
        except BaseException:
            _end(process)
            raise
        if process.poll() is None:
            return process, port
    raise AssertionError(f"the server did not start:\n{log.read_text()[-2000:]}")


def _dies_with_us(command: list[str], user: str | None = None) -> list[str]:
    """Wrap a command so that it ends with the test run, even a killed one, as `user` if one is named."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return command if user is None else ["su", user, "-s", "/bin/sh", "-c", 'exec "$0" "$@"', *command]
    identity = ["--reuid", user, "--regid", str(pwd.getpwnam(user).pw_gid), "--clear-groups"] if user else []
    return [setpriv, *identity, "--pdeathsig", "TERM", *command]


# -- Redis


@pytest.fixture(scope="session")
def _redis_port(tmp_path_factory) -> Iterator[int]:
    program = shutil.which("redis-server") or missing("redis-server")
    folder = tmp_path_factory.mktemp("redis")

    def command(port: int) -> list[str]:
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
        return _dies_with_us([str(program), "--port", str(port), *options])

    with running(command, _redis_answers, folder / "log") as port:
        yield port


def _redis_answers(port: int) -> bool:
    with redis.Redis(port=port) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def redis_server(_redis_port: int) -> str:
    """The address of an empty Redis: `redis://127.0.0.1:<port>/0`."""
    with redis.Redis(port=_redis_port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{_redis_port}/0"


# -- PostgreSQL


@pytest.fixture(scope="session")
def _postgres_port() -> Iterator[int]:
    with postgres() as port:
        yield port


@contextlib.contextmanager
def postgres() -> Iterator[int]:
    """The port of a PostgreSQL that keeps nothing."""
    programs = _postgres_programs()
    user = _postgres_user()
    folder = Path(tempfile.mkdtemp(prefix="mirrordesk-pg-"))  # not pytest's own: that one is closed to other users
    try:
        if user:
            shutil.chown(folder, user)
        _initdb(programs / "initdb", folder / "data", user)
        command = _postgres_command(programs / "postgres", folder / "data", user)
        with running(command, _postgres_answers, folder / "log") as port:
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _postgres_programs() -> Path:
    """The folder of initdb and postgres: Debian keeps them off PATH, newest version last."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    program = debian[-1] if debian else shutil.which("initdb")
    return Path(program or missing("postgresql")).parent


def _postgres_user() -> str | None:
    """PostgreSQL refuses to run as root; who to run it as then."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _initdb(program: Path, data: Path, user: str | None) -> None:
    options = ["-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C", "--no-sync"]
    done = subprocess.run(
        _dies_with_us([str(program), *options], user), capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr


def _postgres_command(program: Path, data: Path, user: str | None) -> Callable[[int], list[str]]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data),
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "max_connections": "120",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return lambda port: _dies_with_us([str(program), "-D", str(data), "-p", str(port), *options], user)


def _postgres_answers(port: int) -> bool:
    try:
        with _postgres_admin(port):
            return True
    except psycopg.OperationalError:
        return False


def _postgres_admin(port: int) -> psycopg.Connection:
    return psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres", autocommit=True)


@contextlib.contextmanager
def postgres_database(port: int, template: str = "template1") -> Iterator[str]:
    """The address of a new database, dropped afterwards; empty, or a copy of one that nobody is connected to."""
    name = f"test_{uuid.uuid4().hex}"
    with _postgres_admin(port) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{name}"
    finally:
        with _postgres_admin(port) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(_postgres_port: int) -> Iterator[str]:
    """The address of a new, empty database, dropped after the test."""
    with postgres_database(_postgres_port) as url:
        yield url
