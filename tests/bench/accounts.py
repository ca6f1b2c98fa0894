"""What reading an account costs its venue, flat and holding something, and how fast the cached account is served.

`python -m tests.bench.accounts --seconds 60`: a paper broker in a process of its own, the engine in this one, and the
calls counted at the broker; then the cached account over the web's own code, by processor time, without a network.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from app.users.api_tokens import TokenWish
from app.web import create_app
from app.wiring import build
from tests.engine.desks import IRON_FLY, TestDesk, desk
from tests.waiting import until

CALLS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="how long to count, flat and open")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        desk(Path(folder), ("alpha",), order_book_poll_seconds=1.0, rate_limits=False) as made,
    ):
        until(lambda: len(made.services.cached.of(list(made.accounts.values()))[made.accounts["alpha"]]) == 5)
        flat = per_minute(made, asked.seconds)
        made.until_state(made.run(made.strategy(IRON_FLY)), "open", timeout=60)
        held = per_minute(made, asked.seconds)
        print(f"calls a minute, flat: {sum(flat.values()):.0f} {json.dumps(flat)}")
        print(f"calls a minute, open: {sum(held.values()):.0f} {json.dumps(held)}")
        print(f"cached account: {served(made):.0f} calls a second of one processor")


def per_minute(made: TestDesk, seconds: int) -> dict[str, float]:
    """Calls at the broker, by endpoint; prices are not an account's books."""
    before, began = counters(made), time.monotonic()
    time.sleep(seconds)
    scale = 60 / (time.monotonic() - began)
    found = {name: round((count - before.get(name, 0)) * scale, 1) for name, count in counters(made).items()}
    return {name: count for name, count in found.items() if count}


def counters(made: TestDesk) -> dict[str, int]:
    counted: dict[str, int] = made.paper.state("alpha")["counters"]
    return {name: count for name, count in counted.items() if " " not in name and name not in ("multiquotes", "quotes")}


def served(made: TestDesk) -> float:
    services = build(made.settings, "web")
    _, secret = services.users.keyring.create_token(made.owner_id, TokenWish("bench", ["read"], []))
    client, headers = create_app(services).test_client(), {"Authorization": f"Bearer {secret}"}
    began = time.thread_time()  # of the processor: the engine, the broker and others share the machine
    for _ in range(CALLS):
        assert client.get("/api/cached-account", headers=headers).status_code == 200
    took = time.thread_time() - began
    services.close()
    return CALLS / took


if __name__ == "__main__":
    main()
