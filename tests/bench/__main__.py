"""`python -m tests.bench fanout`: measure against the bound that physics sets, in the same run; `pages`: how long
pages take on a busy desk, in the process's own CPU time unless `--wall` is given."""

import argparse
import json

from tests.bench import fanout, pages


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.bench")
    commands = parser.add_subparsers(dest="command", required=True)
    fan = commands.add_parser("fanout", help="one strategy entered in many accounts at once")
    fan.add_argument("--accounts", type=int, default=10)
    fan.add_argument("--legs", type=int, default=4)
    fan.add_argument("--rtt-ms", type=float, default=50.0)
    fan.add_argument("--lots", type=int, default=2)
    fan.add_argument("--repeat", type=int, default=5)
    fan.add_argument("--json", action="store_true")
    busy = commands.add_parser("pages", help="the pages of a desk with many accounts and orders")
    busy.add_argument("--accounts", type=int, default=50)
    busy.add_argument("--orders", type=int, default=10_000)
    busy.add_argument("--repeat", type=int, default=40)
    busy.add_argument("--wall", action="store_true")
    busy.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.command == "pages":
        times = pages.measure(options.accounts, options.orders, options.repeat, options.wall)
        print(json.dumps(times) if options.json else pages.tell(times))
        return
    result = fanout.measure(options.accounts, options.legs, options.rtt_ms / 1000, options.lots, options.repeat)
    print(json.dumps(result) if options.json else fanout.tell(result))


if __name__ == "__main__":
    main()
