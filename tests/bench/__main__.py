"""`python -m tests.bench fanout`: measure against the bound that physics sets, in the same run; `orders`: every figure
about orders, beside its goal; `growth`: from 10 to 500 accounts; `pages`: how long pages take on a busy desk, in the
process's own CPU time unless `--wall` is given; `stream`: figures to a thousand browsers, and what that costs;
`chain`: a whole option chain in the engine, and its page in a real browser; `watch`, `chart`: the page of a watchlist
and of a chart there; `search`: how long finding a symbol among 150,000 takes; `risk`: how soon a price that touches a
limit becomes an exit on the wire."""

import argparse
import json
import sys

import structlog

from tests.bench import chain, chain_page, chart_page, fanout, orders, pages, risk, search, stream, watch_page


def _parser() -> argparse.ArgumentParser:
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
    many = commands.add_parser("stream", help="live figures to many browsers")
    many.add_argument("--browsers", type=int, default=1000)
    many.add_argument("--held", type=int, default=2000)
    many.add_argument("--seconds", type=float, default=20.0)
    many.add_argument("--websocket", action="store_true", help="programs at /ws/v1/market instead of pages")
    many.add_argument("--json", action="store_true")
    for name, text in (
        ("chain", "an option chain in the engine, and its page in a browser"),
        ("watch", "the page of a watchlist in a browser"),
    ):
        rows = commands.add_parser(name, help=text)
        rows.add_argument("--rows", type=int, default=200)
        rows.add_argument("--seconds", type=float, default=15.0)
        rows.add_argument("--json", action="store_true")
    drawn = commands.add_parser("chart", help="the page of a chart in a browser")
    drawn.add_argument("--seconds", type=float, default=15.0)
    drawn.add_argument("--json", action="store_true")
    watched = commands.add_parser("risk", help="from a price that touches a limit to the exit on the wire")
    watched.add_argument("--runs", type=int, default=500)
    watched.add_argument("--ticks", type=int, default=1000)
    watched.add_argument("--repeat", type=int, default=40)
    watched.add_argument("--json", action="store_true")
    finding = commands.add_parser("search", help="finding a symbol in a long master")
    finding.add_argument("--instruments", type=int, default=150_000)
    finding.add_argument("--repeat", type=int, default=40)
    finding.add_argument("--postgres", default="", metavar="URL", help="an empty database; SQLite without it")
    finding.add_argument("--wall", action="store_true")
    finding.add_argument("--json", action="store_true")
    for name, text in (("orders", "every figure about orders"), ("growth", "one entry in 10 to 500 accounts")):
        commands.add_parser(name, help=text).add_argument("--quick", action="store_true")
    return parser


def main() -> None:
    options = _parser().parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # an engine may run in this process
    if options.command in ("orders", "growth"):
        print(orders.HEAD)
        for row in (orders.rows if options.command == "orders" else orders.growth)(options.quick):
            print(row, flush=True)
        return
    if options.command == "stream":
        streamed = stream.measure(options.browsers, options.held, options.seconds, options.websocket)
        print(json.dumps(streamed) if options.json else stream.tell(streamed))
        return
    if options.command == "chain":
        taken = chain.measure() | (chain_page.measure(options.rows, options.seconds) if options.rows else {})
        print(json.dumps(taken) if options.json else chain.tell(taken) + chain_page.tell(taken))
        return
    if options.command == "watch":
        shown = watch_page.measure(options.rows, options.seconds)
        print(json.dumps(shown) if options.json else watch_page.tell(shown))
        return
    if options.command == "chart":
        chart = chart_page.measure(options.seconds)
        print(json.dumps(chart) if options.json else chart_page.tell(chart))
        return
    if options.command == "risk":
        soon = risk.measure(options.runs, options.ticks, options.repeat)
        print(json.dumps(soon) if options.json else risk.tell(soon))
        return
    if options.command == "search":
        found = search.measure(options.instruments, options.repeat, options.wall, options.postgres)
        print(json.dumps(found) if options.json else search.tell(found))
        return
    if options.command == "pages":
        times = pages.measure(options.accounts, options.orders, options.repeat, options.wall)
        print(json.dumps(times) if options.json else pages.tell(times))
        return
    result = fanout.measure(options.accounts, options.legs, options.rtt_ms / 1000, options.lots, options.repeat)
    print(json.dumps(result) if options.json else fanout.tell(result))


if __name__ == "__main__":
    main()
