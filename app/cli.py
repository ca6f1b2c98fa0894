"""What the launcher and people type: `python -m app.cli <command>`. The commands are in `app/commands`.

A command's module is imported when it is asked for: the web must not pay for the engine's libraries, and gunicorn must
patch the standard library before anything of ours is imported.
"""

import argparse
import sys
from importlib import import_module

from app.core.errors import DeskError
from config import BadSetting, load

COMMANDS = {
    "migrate": ("setup", "Bring the database up to date and check that the encryption key fits it."),
    "engine": ("engine", "Run the engine: venues, orders, feed."),
    "web": ("web", "Serve the pages and the API."),
    "paper-config": ("brokers", "Print a configuration of three paper brokers."),
    "demo-data": ("demo", "Make the demo user, accounts and strategies; print a one-time sign-in link."),
    "demo-once": ("once", "Trade the demo strategy in every account, exit it, and check every book."),
    "verify-audit": ("setup", "Check that the audit trail is whole."),
    "rotate-key": ("setup", "Seal every stored secret anew under the newest encryption key."),
    "sign-in-link": ("setup", "Print a one-time sign-in link for a user."),
}


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    module = import_module(f"app.commands.{COMMANDS[options.command][0]}")
    try:
        return int(getattr(module, options.command.replace("-", "_"))(options, load()))
    except (DeskError, BadSetting) as error:
        print(f"Mirrordesk: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mirrordesk", description="Mirrordesk, from the command line.")
    commands = parser.add_subparsers(dest="command", required=True)
    made = {name: commands.add_parser(name, help=text, description=text) for name, (_, text) in COMMANDS.items()}
    made["web"].add_argument("--host", default="127.0.0.1")
    made["web"].add_argument("--port", type=int, default=8000)
    made["web"].add_argument("--workers", type=int, default=1)
    made["demo-data"].add_argument("--paper", required=True, help="the paper brokers' configuration")
    made["sign-in-link"].add_argument("name", help="the user's name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
