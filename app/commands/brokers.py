"""The paper brokers of the demo. Nothing of the desk is imported: the demo's start waits for this command."""

import json
import secrets
import socket
from argparse import Namespace

from config import Settings

BROKERS = (
    ("paper-alpha", "Alpha", "50000000"),
    ("paper-beta", "Beta", "75000000"),
    ("paper-gamma", "Gamma", "100000000"),
)
RTT_MS = 40


def paper_config(_options: Namespace, _settings: Settings) -> int:
    ports = _free_ports(2 * len(BROKERS) + 1)
    brokers = [
        {
            "name": name,
            "rest_port": ports[2 * number],
            "ws_port": ports[2 * number + 1],
            "api_key": secrets.token_hex(32),
            "mode": "live",
            "cash": cash,
            "rtt_ms": RTT_MS,
        }
        for number, (name, _, cash) in enumerate(BROKERS)
    ]
    config = {"seed": 20261124, "start": "now", "sessions": "always", "control_port": ports[-1], "brokers": brokers}
    print(json.dumps(config))
    return 0


def _free_ports(count: int) -> list[int]:
    """Ports that are free together: all are held until the last one is found."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
