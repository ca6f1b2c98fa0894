"""From where a token or a webhook may be used: addresses and networks as text, none of them for everywhere. Pure."""

import ipaddress
from collections.abc import Iterable, Sequence


def unreadable(texts: Iterable[str]) -> list[str]:
    """Those that are neither an address nor a network."""
    return [text for text in texts if not _is_network(text)]


def plain(texts: Iterable[str]) -> list[str]:
    """As they are kept: 10.1.2.3/8 is 10.0.0.0/8. Raises ValueError."""
    return [str(ipaddress.ip_network(text, strict=False)) for text in texts]


def allows(networks: Sequence[str], ip: str) -> bool:
    if not networks:
        return True
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(text) for text in networks)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
