"""The paper broker as the OpenAlgo venue's peer: a real server in a process of its own."""

from decimal import Decimal

from app.venues.openalgo.line import Pauses
from app.venues.openalgo.venue import OpenAlgoVenue
from app.venues.port import Venue
from app.venues.types import Connection, Product, Symbol
from tests.paper.running import PaperBroker, PaperServer
from tests.servers import free_port
from tests.venues.conformance import Trouble, VenueControl

QUICK = Pauses(first=0.05, longest=0.5, refused=0.2)
FAULTS = {
    Trouble.HANGS_AFTER_PLACING: {"kind": "lost", "how": "hang", "placed": True},
    Trouble.HANGS_BEFORE_PLACING: {"kind": "lost", "how": "hang", "placed": False},
    Trouble.RESET_AFTER_PLACING: {"kind": "lost", "how": "reset", "placed": True},
    Trouble.RESET_BEFORE_PLACING: {"kind": "lost", "how": "reset", "placed": False},
    Trouble.SERVER_ERROR_AFTER_PLACING: {"kind": "error", "placed": True},
    Trouble.SERVER_ERROR_BEFORE_PLACING: {"kind": "error", "placed": False},
    Trouble.NOT_JSON_AFTER_PLACING: {"kind": "html", "placed": True},
    Trouble.NO_ID_AFTER_PLACING: {"kind": "null_orderid", "placed": True},
    Trouble.RATE_LIMITED: {"kind": "rate_limit"},
    Trouble.REFUSED: {"kind": "error", "status": 400, "message": "Insufficient funds", "placed": False},
}


def connection(broker: PaperBroker, **changes) -> Connection:
    usual = {
        "account_id": "a1",
        "kind": "openalgo",
        "host_url": broker.rest_url + "/",
        "stream_url": broker.ws_url,
        "api_key": broker.api_key,
        "place_timeout": 60.0,
        "read_timeout": 60.0,
    }
    return Connection(**{**usual, **changes})


def open_venue(broker: PaperBroker, **changes) -> OpenAlgoVenue:
    return OpenAlgoVenue(connection(broker, **changes), pauses=QUICK)


class PaperControl(VenueControl):
    symbol = Symbol("NFO", "NIFTY24NOV2626050CE")
    other = Symbol("NSE", "SBIN")
    unknown = Symbol("NSE", "NOSUCH")
    quantity = Decimal(65)
    product = Product.NRML

    def __init__(self, paper: PaperServer, name: str) -> None:
        self.paper = paper
        self.name = name

    def reset(self) -> None:
        self.paper.reset()

    def trouble(self, trouble: Trouble) -> None:
        self.paper.fault(endpoint="placeorder", next=1, **FAULTS[trouble])

    def break_readings(self) -> None:
        self.paper.fault("error", endpoint="*")

    def asked(self) -> int:
        return self.paper.state(self.name)["counters"].get("placeorder", 0)

    def orders(self) -> list[str]:
        return [order["orderid"] for order in self.paper.books(self.name)["orders"]]

    def drop_streams(self) -> None:
        self.paper.fault("market_drop", next=1)
        self.paper.fault("order_drop", next=1)

    def send_garbage(self) -> None:
        self.paper.fault("market_garbage")

    def refuse_sign_in(self) -> None:
        self.paper.tell("login", logged_in=False)

    def accept_sign_in(self) -> None:
        self.paper.tell("login", logged_in=True)

    def hurried(self) -> Venue:
        return open_venue(self.paper[self.name], place_timeout=3.0)

    def nowhere(self) -> Venue:
        dead = f"127.0.0.1:{free_port()}"
        broker = self.paper[self.name]
        return open_venue(broker, host_url=f"http://{dead}", stream_url=f"ws://{dead}")
