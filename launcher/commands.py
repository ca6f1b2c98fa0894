"""The commands of desk.py. What is not named here is handed to the application's own command line."""

import argparse
import os
import shutil
import subprocess

from launcher import checks, desk, doctor, instance
from launcher.console import Stop, complain
from launcher.environment import DEVELOPMENT, ROOT, RUNTIME, prepare, python

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    try:
        return _run(arguments)
    except Stop as stop:
        complain(str(stop))
        return stop.code
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each process that starts compiles the desk anew
    if arguments[:1] == ["test"]:
        return _test(arguments[1:])
    if arguments[:1] == ["crashtest"]:
        return _crashtest(arguments[1:])
    if arguments and arguments[0] not in OWN and not arguments[0].startswith("-"):
        return _hand_over(arguments)
    given = _parser().parse_args(arguments)
    return given.run(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="desk.py",
        description="Mirrordesk: one desk for many trading accounts.",
        epilog="MIRRORDESK_INSTANCE names the folder of the database, keys and logs (default: instance).",
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser("demo", help="run the desk against paper brokers, nothing real is traded")
    demo.add_argument("--once", action="store_true", help="trade one strategy, print what happened and end")
    _add_address(demo, default=None)
    demo.set_defaults(run=lambda given: desk.demo(given.host, given.port, given.once))
    start = commands.add_parser("start", help="run the desk")
    _add_address(start, default=instance.DEFAULT_PORT)
    start.set_defaults(run=lambda given: desk.start(given.host, given.port))
    commands.add_parser("test", help="run the tests; arguments go to pytest")
    commands.add_parser("crashtest", help="kill the engine again and again and prove the books; --help tells more")
    commands.add_parser("check", help="run every check but the tests").set_defaults(run=lambda _: checks.check())
    commands.add_parser("doctor", help="say what is and isn't in order").set_defaults(run=lambda _: doctor.doctor())
    commands.add_parser("lock", help="make the locks anew from requirements*.in").set_defaults(run=lambda _: lock())
    return parser


OWN = ("demo", "start", "test", "crashtest", "check", "doctor", "lock")


def _add_address(parser: argparse.ArgumentParser, default: int | None) -> None:
    parser.add_argument("--host", default=instance.HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port",
        type=_port,
        default=default,
        help=f"port of the pages and the API (default: {instance.DEFAULT_PORT})",
    )


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: say a number from 1 to 65535")
    return int(text)


# Each file in one of the workers, in the order of tests/order.py, which also says how many there are.
EVERYTHING = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "--durations", "15")


def _test(arguments: list[str]) -> int:
    command = [str(prepare(DEVELOPMENT)), "-m", "pytest", *(arguments or EVERYTHING)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _crashtest(arguments: list[str]) -> int:
    """It takes the place of this process: a Ctrl-C is its own, and it has children to look after."""
    program = str(prepare(DEVELOPMENT))
    os.chdir(ROOT)
    os.execv(program, [program, "-m", "tests.crash.campaign", *arguments])  # noqa: S606 - no shell is the point


def _hand_over(arguments: list[str]) -> int:
    os.environ["MIRRORDESK_INSTANCE"] = str(instance.folder())
    program = str(prepare(RUNTIME))
    os.chdir(ROOT)
    os.execv(program, [program, "-m", "app.cli", *arguments])  # noqa: S606 - no shell is the point


def lock() -> int:
    """Resolve requirements*.in for every supported Python at once; both locks agree on what they share."""
    uv = shutil.which("uv") or shutil.which("uv", path=str(python().parent))
    if uv is None:
        raise Stop("uv is missing; it makes the locks: https://docs.astral.sh/uv")
    options = [
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "-q",
    ]
    for name, more in ((RUNTIME, []), (DEVELOPMENT, ["-c", RUNTIME])):
        source = name.replace(".txt", ".in")
        done = subprocess.run([uv, "pip", "compile", *options, *more, source, "-o", name], cwd=ROOT, check=False)
        if done.returncode:
            raise Stop(f"{source} can't be resolved.")
    return 0
