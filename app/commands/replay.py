"""Replays from the command line, and the process that plays one for the engine."""

import os
import sys
from argparse import Namespace
from contextlib import suppress

from app.commands.setup import services_of
from app.core.actors import Actor, acting
from app.core.errors import Denied, DeskError, Invalid, NotFound
from app.core.log import set_up
from app.core.validation import parse
from app.engine.replaying.play import Stopped, play
from app.engine.replaying.synthetic import SyntheticTape
from app.engine.replaying.tapes import RecordedTape, Tape
from app.engine.replaying.world import draft_of
from app.replays.models import Replay
from app.replays.terms import Terms, terms
from app.strategies.models import Strategy
from app.wiring import Services
from config import Settings

ASKED = ("tape", "recording_id", "seed", "start", "minutes", "enter_at", "slippage")
GENTLE = 15  # added to the niceness: whatever is live goes first


def play_replay(options: Namespace, settings: Settings) -> int:
    """For the engine: the row says all, and gets the result."""
    os.nice(GENTLE)
    set_up(settings.log_folder, "replay")
    with services_of(settings) as services:
        return 0 if _played(services, options.replay) else 1


def replay(options: Namespace, settings: Settings) -> int:
    """For people: asks, plays here and now, and prints the journal."""
    with services_of(settings) as services:
        user = services.users.people.named(options.user)
        with acting(Actor(user.id, user.name)):
            strategy = _strategy(services, user.owner_id, options.strategy)
            wanted = _terms(options)
            replay_id = services.replays.ask(user.owner_id, strategy.id, wanted, "playing")
        _played(services, replay_id)
        row = services.replays.get(user.owner_id, replay_id)
        if row.state != "done":
            raise Denied(row.trouble or f"The replay is {row.state}.")
        sys.stdout.write(services.replays.journal(user.owner_id, replay_id).decode())
    return 0


def recordings(options: Namespace, settings: Settings) -> int:
    with services_of(settings) as services:
        owner_id = services.users.people.named(options.user).owner_id
        for row in services.recordings.list(owner_id):
            sys.stdout.write(f"{row.id}  {row.day}  {row.state}  {row.ticks:,} ticks  {row.title}\n")
    return 0


def _terms(options: Namespace) -> Terms:
    """What was asked for. Raises Denied with a sentence for each that is wrong."""
    try:
        return parse(Terms, {name: value for name in ASKED if (value := getattr(options, name)) is not None})
    except Invalid as error:
        raise Denied(_sentence(error)) from None


def _played(services: Services, replay_id: str) -> bool:
    """Whether it was played to its end; else its row says why not."""
    replays, row = services.replays, services.replays.row(replay_id)
    try:
        tape = _tape(services, row)
        played = play(services.settings, services.db, row, tape, lambda percent: replays.go_on(replay_id, percent))
        replays.finish(replay_id, played.fingerprint, played.journal, played.result)
    except Stopped:
        replays.fail(replay_id, "", "cancelled")
    except DeskError as error:
        replays.fail(replay_id, _sentence(error))
    except Exception:
        with suppress(DeskError):
            replays.fail(replay_id, "The replay could not be played to its end: its log has the details.")
        raise
    else:
        return True
    return False


def _sentence(error: DeskError) -> str:
    fields = getattr(error, "fields", None) or {}
    return " ".join([error.message, *(sentence for said in fields.values() for sentence in said)])


def _tape(services: Services, row: Replay) -> Tape:
    wanted = terms(row.terms)
    if wanted.tape == "synthetic":
        return SyntheticTape(wanted, draft_of(row)[0].legs)
    return RecordedTape(services.recordings.folder(services.replays.recording(row)))


def _strategy(services: Services, owner_id: str, name: str) -> Strategy:
    found = next((one for one in services.strategies.list(owner_id) if name in (one.name, one.id)), None)
    if found is None:
        raise NotFound(f"There is no strategy {name!r}.")
    return found
