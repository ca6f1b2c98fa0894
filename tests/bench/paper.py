"""How many MARKET orders a second one paper broker takes on one core: `python -m tests.bench.paper`.

The broker is a process of its own; this one is the load: a few keep-alive connections on raw sockets, one request
at a time on each.
"""

import asyncio
import json
import time
from urllib.parse import urlsplit

from tests.paper.running import OPTION, PaperBroker, PaperServer

CONNECTIONS = 8
WARM_UP = 500
ORDERS = 10_000
TARGET = 1_500


def request(broker: PaperBroker) -> bytes:
    body = {
        "apikey": broker.api_key,
        "strategy": "bench",
        "symbol": OPTION,
        "exchange": "NFO",
        "action": "BUY",
        "quantity": 65,
        "pricetype": "MARKET",
        "product": "NRML",
        "price": 0,
        "trigger_price": 0,
        "disclosed_quantity": 0,
    }
    payload = json.dumps(body).encode()
    head = (
        "POST /api/v1/placeorder HTTP/1.1\r\nHost: x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


async def client(address: tuple[str, int], orders: list[bytes], times: list[float]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for order in orders:
        began = time.perf_counter()
        writer.write(order)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        answer = await reader.readexactly(length)
        assert b'"success"' in answer, answer
        times.append(time.perf_counter() - began)
    writer.close()


async def load(broker: PaperBroker, count: int) -> list[float]:
    """Seconds each order took."""
    parts = urlsplit(broker.rest_url)
    buy = request(broker)
    sell = buy.replace(b'"BUY", "', b'"SELL","')
    assert len(sell) == len(buy)
    orders = [buy, sell] * (count // CONNECTIONS // 2)
    times: list[float] = []
    address = (str(parts.hostname), int(parts.port or 0))
    await asyncio.gather(*(client(address, orders, times) for _ in range(CONNECTIONS)))
    return times


def main() -> None:
    with PaperServer([{"name": "bench", "cash": "1000000000"}]) as paper:
        asyncio.run(load(paper["bench"], WARM_UP))
        began = time.perf_counter()
        times = sorted(asyncio.run(load(paper["bench"], ORDERS)))
        rate = len(times) / (time.perf_counter() - began)
    print(f"target      {TARGET} orders/s")
    print(f"measured    {rate:.0f} orders/s, ratio {rate / TARGET:.2f}, {CONNECTIONS} connections")
    print(f"each order  p50 {times[len(times) // 2] * 1000:.2f} ms, p99 {times[len(times) * 99 // 100] * 1000:.2f} ms")


if __name__ == "__main__":
    main()
