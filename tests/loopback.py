"""The wall around the tests: a connection that would leave this machine raises, and fails its test anyway.

Names are not looked up either: what is not a local name is unknown, as on a machine without a network.
"""

import ipaddress
import socket
from typing import Any

import pytest

LOCAL_NAMES = {"", "localhost", "ip6-localhost"}
attempts: list[str] = []

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


class LeavesTheMachineError(PermissionError):
    """A test tried to reach an address beyond loopback."""


def pytest_configure() -> None:
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign]  # the wall is this replacement
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign]  # the wall is this replacement
    socket.getaddrinfo = _guarded_getaddrinfo


def is_local(host: str) -> bool:
    if host in LOCAL_NAMES or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _check(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not is_local(str(address[0])):
        attempts.append(f"{address[0]}:{address[1]}")
        raise LeavesTheMachineError(f"tests stay on this machine; refused {address[0]}:{address[1]}")


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _check(self, address)
    return _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _check(self, address)
    return _connect_ex(self, address)


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or is_local(name) or _is_literal(name):
        return _getaddrinfo(host, *args, **kwargs)
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def _is_literal(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


@pytest.fixture(autouse=True)
def stays_on_this_machine():
    """Fail a test that reached out, also when the code under test swallowed the refusal."""
    attempts.clear()
    yield
    assert not attempts, f"tried to leave the machine: {attempts}"
