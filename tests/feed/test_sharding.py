"""What one connection does not carry goes to others, and what no connection carries is known."""

from hypothesis import given
from hypothesis import strategies as st

from app.feed.sharding import Shard, first, share_out
from app.venues.types import FeedMode, Symbol
from tests.feed.hands import NIFTY, SBIN
from tests.feed.test_client import Bench

MANY = [Symbol("NFO", f"NIFTY{number:03}") for number in range(40)]
WANTED = dict.fromkeys(MANY, FeedMode.LTP)
SHARDS = st.lists(st.builds(Shard, st.sets(st.sampled_from(MANY), max_size=15), st.integers(0, 15)), max_size=4)


@given(st.sets(st.sampled_from(MANY)), SHARDS)
def test_every_symbol_is_on_one_connection_or_left_and_none_holds_more_than_it_takes(names, shards):
    wanted = {symbol: mode for symbol, mode in WANTED.items() if symbol in names}
    shares, left = share_out(wanted, shards)
    placed = [symbol for share in shares for symbol in share]
    assert sorted([*placed, *left]) == sorted(wanted)
    assert all(len(share) <= shard.room for share, shard in zip(shares, shards, strict=True))
    assert not left or len(placed) == sum(shard.room for shard in shards), "nothing is left while there is room"


def test_what_is_wanted_most_is_carried():
    assert list(first(WANTED, 3)) == MANY[:3]
    shares, left = share_out(WANTED, [Shard((), 10), Shard(MANY[30:], 10)])
    assert sorted(shares[0] | shares[1]) == MANY[:20]
    assert list(left) == MANY[20:]


def test_a_symbol_stays_where_it_is():
    shares, _ = share_out(WANTED, [Shard((), 30), Shard(MANY[5:9], 30)])
    assert list(shares[1])[:4] == MANY[5:9]


def serve(bench: Bench, seconds: int) -> None:
    """Every open connection is well."""
    for _ in range(seconds):
        bench.clock.forward(1)
        for stream in [stream for venue in bench.venues.values() for stream in venue.streams if not stream.closed]:
            stream.live()
            stream.tick()
        bench.feed.step()


def full(bench: Bench, takes: int, wanted: int) -> None:
    for venue in bench.venues.values():
        venue.takes = takes
    bench.wishes.want("page", MANY[:wanted], until=10_000_000.0)
    bench.start()
    serve(bench, 14)


def carried(bench: Bench) -> dict[str, list[int]]:
    """How many symbols are on each open connection of each account."""
    return {
        name: [len(stream.modes) for stream in venue.streams if not stream.closed]
        for name, venue in bench.venues.items()
    }


def test_more_than_a_connection_takes_goes_to_a_second_and_then_to_the_next_account():
    bench = Bench()
    full(bench, takes=10, wanted=25)
    assert carried(bench) == {"a": [10, 10], "b": [6], "c": []}
    report = bench.feed.report()
    assert (report.wanted, report.left_out) == (26, 0)
    assert [(one.account_id, one.number, one.role, one.symbols) for one in report.connections] == [
        ("a", 0, "carrier", 10), ("a", 1, "overflow", 10), ("b", 0, "overflow", 6),
    ]  # fmt: skip
    stream = bench.venues["b"].streams[-1]
    symbol = next(iter(stream.modes))
    stream.tick(symbol, 42)
    assert bench.hub.newest(symbol).last == 42


def test_positions_stay_on_the_first_connection_and_what_fits_on_none_is_counted():
    bench = Bench()
    full(bench, takes=5, wanted=40)
    assert NIFTY in bench.venues["a"].streams[0].modes
    report = bench.feed.report()
    assert (report.wanted, report.left_out) == (41, 41 - 3 * 2 * 5)


def test_a_connection_with_nothing_left_to_carry_is_closed():
    bench = Bench()
    full(bench, takes=10, wanted=25)
    bench.wishes.drop("page")
    serve(bench, 1)
    assert carried(bench) == {"a": [1], "b": [], "c": []}


def test_a_further_connection_that_is_lost_gives_its_symbols_to_the_next():
    bench = Bench()
    full(bench, takes=10, wanted=15)
    assert carried(bench) == {"a": [10, 6], "b": [], "c": []}
    bench.venues["a"].streams[-1].drop()
    for _ in range(8):
        bench.clock.forward(1)
        bench.venues["a"].streams[0].tick()
        bench.feed.step()
    assert carried(bench) == {"a": [10], "b": [6], "c": []}
    assert bench.feed.account_id == "a", "the first connection is well"


def test_a_connection_that_was_full_is_asked_for_more_again_some_time_later():
    bench = Bench()
    full(bench, takes=10, wanted=15)
    bench.venues["a"].takes = 1000
    serve(bench, 605)
    assert carried(bench)["a"] == [16]


def test_the_venues_own_limit_is_kept_to_without_asking_for_more():
    bench = Bench()
    for venue in bench.venues.values():
        venue.capabilities = type(venue.capabilities)(currency="INR", stream_symbols=10, stream_connections=2)
    bench.wishes.want("page", [SBIN, *MANY[:10]], until=10_000_000.0)
    bench.start()
    serve(bench, 2)
    assert carried(bench)["a"] == [10, 2]
    assert all(not stream.no_room for stream in bench.venues["a"].streams)
