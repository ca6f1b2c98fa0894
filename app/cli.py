"""What the launcher and people type: `python -m app.cli <command>`. Each command is a few lines over the services."""

import argparse
import json
import signal
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from app import demo
from app.core.errors import DeskError
from app.core.log import set_up
from app.core.migrate import migrate
from app.engine import assembly
from app.web import serving
from app.wiring import Services, build
from config import BadSetting, Settings, load

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return _COMMANDS[options.command](options, load())
    except (DeskError, BadSetting) as error:
        print(f"Mirrordesk: {error}", file=sys.stderr)
        return 1


def _migrate(_options: argparse.Namespace, settings: Settings) -> int:
    migrate(settings)
    services = build(settings)
    try:
        services.accounts.verify_key()
        services.instruments.seed()
    finally:
        services.close()
    return 0


def _engine(_options: argparse.Namespace, settings: Settings) -> int:
    set_up(settings.log_folder, "engine")
    services = build(settings, "engine")
    services.accounts.verify_key()
    engine = assembly.build(services)
    leaving = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: leaving.set())
    engine.start()
    print("engine ready", flush=True)
    while not leaving.wait(1.0):
        pass
    engine.stop()
    services.close()
    return 0


def _web(options: argparse.Namespace, settings: Settings) -> int:
    return serving.run(settings, options.host, options.port, options.workers)


def _demo_data(options: argparse.Namespace, settings: Settings) -> int:
    return _with_services(settings, lambda services: _say(demo.prepare(services, _read(options.paper))))


def _paper_config(_options: argparse.Namespace, _settings: Settings) -> int:
    _say(demo.paper_config())
    return 0


def _demo_once(options: argparse.Namespace, settings: Settings) -> int:
    return _with_services(settings, lambda services: demo.once(services, _read(options.paper)))


def _verify_audit(_options: argparse.Namespace, settings: Settings) -> int:
    def verify(services: Services) -> int:
        verdict = services.trail.verify()
        print(verdict)
        return 0 if verdict.intact else 1

    return _with_services(settings, verify)


def _rotate_key(_options: argparse.Namespace, settings: Settings) -> int:
    """Put a new key first in the key file or in MIRRORDESK_ENCRYPTION_KEYS, then run this."""
    return _with_services(settings, lambda services: print(f"{services.accounts.reseal()} accounts sealed anew.") or 0)


def _sign_in_link(options: argparse.Namespace, settings: Settings) -> int:
    return _with_services(settings, lambda services: print("/enter/" + services.users.door.make_link(options.name)) or 0)


def _with_services(settings: Settings, work: Callable[[Services], int | None]) -> int:
    services = build(settings)
    try:
        return work(services) or 0
    finally:
        services.close()


def _say(document: object) -> None:
    print(json.dumps(document), flush=True)


def _read(path: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(path).read_text(encoding="utf-8"))
    return found


_COMMANDS: dict[str, Command] = {
    "migrate": _migrate,
    "engine": _engine,
    "web": _web,
    "demo-data": _demo_data,
    "demo-once": _demo_once,
    "paper-config": _paper_config,
    "verify-audit": _verify_audit,
    "rotate-key": _rotate_key,
    "sign-in-link": _sign_in_link,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mirrordesk")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in _COMMANDS:
        command = commands.add_parser(name)
        if name == "web":
            command.add_argument("--host", default="127.0.0.1")
            command.add_argument("--port", type=int, default=8000)
            command.add_argument("--workers", type=int, default=1)
        if name in ("demo-data", "demo-once"):
            command.add_argument("--paper", required=True)
        if name == "sign-in-link":
            command.add_argument("name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
