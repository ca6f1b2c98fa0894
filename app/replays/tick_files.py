"""Ticks as Parquet files in a folder: each batch is a file that is whole or not there.

A batch is written under another name, flushed to the disk and then renamed, so whoever is killed in the middle loses
that batch and no other. Small files are put together into one that is named after the numbers it holds; until the
small ones are gone they are passed over. Prices are exact, to the tenth decimal; times are UTC, to the microsecond.

The library brings many megabytes with it: it is loaded when something is recorded or played, by whoever does that.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from app.core.errors import Denied
from app.core.money import ZERO, plain
from app.venues.types import Quote, Symbol

COLUMNS = ("at", "exchange", "symbol", "last", "bid", "ask", "volume", "open_interest")
PLACES, DIGITS = 10, 38
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FINEST = Decimal(1).scaleb(-PLACES)
SMALL = 60  # single files that are put together into one
ROWS = 20_000  # read at once
NAMED = re.compile(r"(\d{6})(?:-(\d{6}))?\.parquet")


@dataclass(frozen=True, slots=True)
class Part:
    """A file with the batches `first` to `last`."""

    path: Path
    first: int
    last: int


class TickFolder:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def parts(self) -> list[Part]:
        """In the order of their ticks, each batch once."""
        found = [Part(path, int(name[1]), int(name[2] or name[1])) for path, name in self._named()]
        kept: list[Part] = []
        for part in sorted(found, key=lambda one: (one.first, -one.last)):
            if not kept or part.first > kept[-1].last:
                kept.append(part)
        return kept

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in self.path.glob("*")) if self.path.is_dir() else 0

    @property
    def rows(self) -> int:
        """How many ticks there are. Raises Denied where a file can't be read."""
        return sum(_opened(part.path).metadata.num_rows for part in self.parts)

    def write(self, quotes: Sequence[Quote]) -> None:
        """One more batch, in the order it came."""
        parts = self.parts
        self._put(f"{parts[-1].last + 1 if parts else 1:06d}", _table(quotes))

    def tidy(self) -> None:
        """Put small files together, once there are many; and take away what a crash left half done."""
        for path in self.path.glob("*.part"):
            path.unlink()
        kept = self.parts
        for path, name in self._named():
            if Part(path, int(name[1]), int(name[2] or name[1])) not in kept:
                path.unlink()
        small = [part for part in kept if part.first == part.last]
        if len(small) < SMALL:
            return
        library = _library()
        table = library.arrow.concat_tables([library.parquet.read_table(part.path) for part in small])
        self._put(f"{small[0].first:06d}-{small[-1].last:06d}", table)
        for part in small:
            part.path.unlink()

    def batches(self, names: Collection[str] | None = None) -> Iterator[tuple[int, list[Quote]]]:
        """All ticks in their order, some at a time; only those of symbols with these names. Each time with how many
        were looked at. Raises Denied for a file that can't be read."""
        symbols: dict[tuple[str, str], Symbol] = {}
        seen = 0
        for part in self.parts:
            for batch in _opened(part.path).iter_batches(ROWS, columns=list(COLUMNS)):
                seen += batch.num_rows
                yield seen, list(_quotes(batch, names, symbols))

    def fingerprint(self) -> str:
        """SHA-256 of what was recorded, however it is spread over files."""
        library, sums = _library(), {name: hashlib.sha256() for name in COLUMNS}
        for part in self.parts:
            for batch in _opened(part.path).iter_batches(ROWS, columns=list(COLUMNS)):
                for name, known in sums.items():
                    texts = batch.column(name).cast(library.arrow.string()).to_pylist()
                    known.update("\n".join(text or "" for text in texts).encode())
                    known.update(b"\n")
        return hashlib.sha256(b"".join(sums[name].digest() for name in COLUMNS)).hexdigest()

    def _named(self) -> Iterator[tuple[Path, re.Match[str]]]:
        for path in sorted(self.path.glob("*.parquet")):
            name = NAMED.fullmatch(path.name)
            if name is not None:
                yield path, name

    def _put(self, name: str, table: Any) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path / f"{name}.part"
        with draft.open("wb") as file:
            _library().parquet.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.path / f"{name}.parquet")


def is_readable(path: Path) -> bool:
    """Whether it is a whole file of ticks."""
    try:
        return set(COLUMNS) <= set(_opened(path).schema_arrow.names)
    except Denied:
        return False


def _table(quotes: Sequence[Quote]) -> Any:
    library = _library()
    given = {
        "at": [quote.received_at for quote in quotes],
        "exchange": [quote.symbol.exchange for quote in quotes],
        "symbol": [quote.symbol.name for quote in quotes],
    }
    for name in COLUMNS[3:]:
        given[name] = [_exact(getattr(quote, name)) for quote in quotes]
    return library.arrow.table(given, schema=library.schema)


def _exact(value: Decimal | None) -> Decimal | None:
    """As it is kept: what is finer than the tenth decimal is rounded."""
    if value is None or int(value.as_tuple().exponent) >= -PLACES:
        return value
    return value.quantize(FINEST, ROUND_HALF_EVEN)


def _quotes(batch: Any, names: Collection[str] | None, symbols: dict[tuple[str, str], Symbol]) -> Iterator[Quote]:
    library = _library()
    if names is not None:
        wanted = library.arrow.array(sorted(names), library.arrow.string())
        named = batch.column("symbol").cast(library.arrow.string())
        batch = batch.filter(library.compute.is_in(named, value_set=wanted))
    moments = batch.column("at").cast(library.arrow.int64()).to_pylist()
    texts = [batch.column(name).cast(library.arrow.string()).to_pylist() for name in COLUMNS[1:]]
    for moment, exchange, name, *figures in zip(moments, *texts, strict=True):
        symbol = symbols.get((exchange, name))
        if symbol is None:
            symbol = symbols[exchange, name] = Symbol(exchange, name)
        last, bid, ask, volume, interest = map(_number, figures)
        at = EPOCH + timedelta(microseconds=moment)
        yield Quote(symbol, last or ZERO, at, bid, ask, volume=volume, open_interest=interest)


@lru_cache(maxsize=65_536)
def _number(text: str | None) -> Decimal | None:
    """Prices repeat: most are made once."""
    return None if text is None else Decimal(plain(Decimal(text)))


def _opened(path: Path) -> Any:
    library = _library()
    try:
        found = library.parquet.ParquetFile(path)
    except (library.invalid, OSError) as error:
        raise Denied(f"The recorded file {path.name} can't be read: it is damaged, or no Parquet file.") from error
    if not set(COLUMNS) <= set(found.schema_arrow.names):
        raise Denied(f"The file {path.name} holds no ticks: it needs the columns {', '.join(COLUMNS)}.")
    return found


@dataclass(frozen=True, slots=True)
class _Library:
    arrow: Any
    parquet: Any
    compute: Any
    schema: Any
    invalid: Any


@cache
def _library() -> _Library:
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    text, exact = arrow.dictionary(arrow.int32(), arrow.string()), arrow.decimal128(DIGITS, PLACES)
    kinds = {"at": arrow.timestamp("us", tz="UTC"), "exchange": text, "symbol": text}
    schema = arrow.schema([(name, kinds.get(name, exact)) for name in COLUMNS])
    return _Library(arrow, parquet, import_module("pyarrow.compute"), schema, arrow.ArrowInvalid)
