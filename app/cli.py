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
    "migrate": ("migrate", "Bring the database up to date and check that the encryption key fits it."),
    "engine": ("engine", "Run the engine: venues, orders, feed."),
    "web": ("web", "Serve the pages and the API."),
    "paper-config": ("brokers", "Print a configuration of three paper brokers."),
    "demo-data": ("demo", "Make the demo user, accounts and strategies; print a one-time sign-in link."),
    "demo-once": ("once", "Trade the demo strategy in every account, exit it, and check every book."),
    "recordings": ("replay", "List the recorded days of a user."),
    "replay": ("replay", "Play a strategy over a recorded day and print the journal."),
    "play-replay": ("replay", "Play a replay that was asked for; the engine calls this."),
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
    made["play-replay"].add_argument("replay", help="its id")
    for name in ("recordings", "replay"):
        made[name].add_argument("--user", required=True, help="the user's name")
    made["replay"].add_argument("--strategy", required=True, help="its name, or its id")
    _terms(made["replay"])
    made["sign-in-link"].add_argument("name", help="the user's name")
    return parser


def _terms(replay: argparse.ArgumentParser) -> None:
    """What a strategy is played over; what is not said is left to the rule."""
    replay.add_argument("--tape", choices=("recording", "synthetic"))
    replay.add_argument("--recording", dest="recording_id", help="the id of a recorded day")
    replay.add_argument("--seed", help="of a synthetic day")
    replay.add_argument("--start", help="of a synthetic day: 2026-11-20T09:15, in India")
    replay.add_argument("--minutes", help="of a synthetic day")
    replay.add_argument("--enter-at", help="HH:MM[:SS] in India, where the strategy has no entry times")
    replay.add_argument("--slippage", help="points against each order at market")


if __name__ == "__main__":
    sys.exit(main())
