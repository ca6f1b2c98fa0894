"""Answers of OpenAlgo's option endpoints: option by offset, chain with greeks, greeks, synthetic future.

Functions return the body without `status`; `OptionsError` carries the HTTP status and the server's words. Greeks are
Black-76 from the traded price, as the server computes them: volatility in percent, expiry at 15:30.
"""

import re
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from app.paper import calendar
from app.paper.contracts import OPTION_KINDS, ChainRow, Contract, expiry_code, parse_expiry, parse_symbol
from app.paper.liquidity import Level
from app.paper.market import Market
from app.paper.pricing import SHORTEST, YEAR_SECONDS, Greeks, greeks, implied_volatility

EXPIRY_MINUTE = 15 * 60 + 30  # what the server assumes for NFO and BFO, whatever the session
MOST_SYMBOLS = 50
INDEX_EXCHANGES = {"NFO": "NSE_INDEX", "BFO": "BSE_INDEX"}
_OFFSET = re.compile(r"ATM|(ITM|OTM)([1-9]|[1-4]\d|50)")

Body = dict[str, Any]


class OptionsError(Exception):
    """`status` is the HTTP status, `message` the text of the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Series:
    """One expiry of one underlying, and what the underlying trades at."""

    underlying: Contract
    ltp: float
    expiry: date
    rows: list[ChainRow]

    @property
    def atm(self) -> int:
        """Index of the row nearest to the underlying."""
        return min(range(len(self.rows)), key=lambda index: abs(float(self.rows[index][0]) - self.ltp))


def option_symbol(
    market: Market, underlying: str, exchange: str, expiry_date: str | None, *, offset: str, option_type: str
) -> Body:
    contract, ltp = option_by_offset(market, underlying, exchange, expiry_date, offset=offset, option_type=option_type)
    return {
        "symbol": contract.symbol,
        "exchange": contract.exchange,
        "lotsize": contract.lot_size,
        "tick_size": float(contract.tick),
        "freeze_qty": contract.freeze_quantity,
        "underlying_ltp": ltp,
    }


def option_by_offset(
    market: Market, underlying: str, exchange: str, expiry_date: str | None, *, offset: str, option_type: str
) -> tuple[Contract, float]:
    """The contract at ATM, ITMn or OTMn, counted in listed strikes, and the underlying's price."""
    series = _series(market, underlying, exchange, expiry_date)
    match = _OFFSET.fullmatch(offset)
    if match is None or option_type not in OPTION_KINDS:
        raise OptionsError(400, f"Invalid offset or option type: {offset} {option_type}")
    away = int(match[2] or 0) * (1 if match[1] == "OTM" else -1) * (1 if option_type == "CE" else -1)
    index = series.atm + away
    if not 0 <= index < len(series.rows):
        message = f"Offset {offset} is out of range for available strikes. Please use a smaller offset."
        raise OptionsError(400, message)
    _, call, put = series.rows[index]
    found = call if option_type == "CE" else put
    if found is None:
        raise OptionsError(404, f"Option symbol not found for {underlying} {offset} {option_type}.")
    return found, series.ltp


def option_chain(
    market: Market,
    underlying: str,
    exchange: str,
    expiry_date: str,
    *,
    strike_count: int | None = None,
    with_greeks: bool = False,
    interest_rate: float = 0.0,
) -> Body:
    """Rows around the money with quotes; `strike_count` strikes on each side, all when None."""
    series = _series(market, underlying, exchange, expiry_date)
    forward = _synthetic_future(market, series)
    low, high = _window(series, strike_count)
    model = _Model(market, forward, interest_rate) if with_greeks else None
    return {
        "underlying": series.underlying.name,
        "underlying_symbol": series.underlying.symbol,
        "underlying_exchange": series.underlying.exchange,
        "underlying_ltp": series.ltp,
        "underlying_prev_close": market.quote(series.underlying).prev_close,
        "expiry_date": expiry_code(series.expiry),
        "expiry_ts": _expiry_seconds(series.expiry),
        "server_ts": int(market.now().timestamp()),
        "atm_strike": float(series.rows[series.atm][0]),
        "forward_price": forward,
        "quotes_included": True,
        "greeks_included": with_greeks,
        "chain": [_chain_row(market, series, index, model) for index in range(low, high)],
    }


def option_greeks(
    market: Market,
    symbol: str,
    exchange: str,
    *,
    interest_rate: float = 0.0,
    forward_price: float | None = None,
) -> Body:
    """Greeks of one option; `interest_rate` in percent; the forward is the synthetic future unless given."""
    contract = market.universe.find(symbol, exchange)
    if contract is None:
        raise OptionsError(404, f"Symbol '{symbol}' not found for exchange '{exchange}'.")
    if contract.kind not in OPTION_KINDS or contract.expiry is None:
        raise OptionsError(400, f"Invalid option symbol format: {symbol}")
    series = _series_of(market, contract)
    forward = forward_price or _synthetic_future(market, series)
    return _greeks_body(market, contract, series.ltp, _Model(market, forward, interest_rate))


def multi_option_greeks(market: Market, symbols: list[dict[str, str]], *, interest_rate: float = 0.0) -> Body:
    """Greeks of up to 50 options, each with its own status, and a summary."""
    data = [_greeks_or_error(market, row, interest_rate) for row in symbols[:MOST_SYMBOLS]]
    good = sum(row["status"] == "success" for row in data)
    return {"data": data, "summary": {"total": len(data), "success": good, "failed": len(data) - good}}


def synthetic_future(market: Market, underlying: str, exchange: str, expiry_date: str) -> Body:
    series = _series(market, underlying, exchange, expiry_date)
    return {
        "underlying": series.underlying.name,
        "underlying_ltp": series.ltp,
        "expiry": expiry_code(series.expiry),
        "atm_strike": float(series.rows[series.atm][0]),
        "synthetic_future_price": _synthetic_future(market, series),
    }


@dataclass(frozen=True, slots=True)
class _Model:
    market: Market
    forward: float
    interest_rate: float

    def years(self, expiry: date) -> float:
        seconds = _expiry_seconds(expiry) - self.market.now().timestamp()
        return max(seconds / YEAR_SECONDS, SHORTEST)

    def solve(self, contract: Contract, price: float) -> tuple[float, Greeks]:
        """Implied volatility as a fraction, and the greeks at it."""
        years = self.years(contract.expiry or date.max)
        terms = (self.forward, float(contract.strike), years)
        rate = self.interest_rate / 100
        sigma = implied_volatility(contract.kind, price, *terms, rate)
        return sigma, greeks(contract.kind, *terms, sigma, rate)


def _series(market: Market, underlying: str, exchange: str, expiry_date: str | None) -> Series:
    parts = parse_symbol(underlying)
    name = parts.name if parts else underlying
    contract = market.universe.find(underlying, exchange) or market.universe.find(
        name, INDEX_EXCHANGES.get(exchange, exchange)
    )
    if contract is None:
        raise OptionsError(404, f"Symbol '{underlying}' not found for exchange '{exchange}'.")
    if not expiry_date and parts is None:
        raise OptionsError(400, "Expiry date is required. Provide it in the underlying or as expiry_date.")
    text = expiry_date or expiry_code(parts.expiry) if parts else expiry_date or ""
    expiry = _read_expiry(text)
    rows = market.universe.chain(name, expiry) if expiry else []
    if expiry is None or not rows:
        where = "Please check expiry date or update master contract."
        raise OptionsError(404, f"No strikes found for {name} expiring {text}. {where}")
    return Series(contract, market.quote(contract).ltp, expiry, rows)


def _read_expiry(text: str) -> date | None:
    try:
        return parse_expiry(text)
    except ValueError:
        return None


def _series_of(market: Market, option: Contract) -> Series:
    exchange = INDEX_EXCHANGES[option.exchange]
    return _series(market, option.name, exchange, expiry_code(option.expiry) if option.expiry else None)


def _synthetic_future(market: Market, series: Series) -> float:
    """Strike + call - put at the money."""
    strike, call, put = series.rows[series.atm]
    if call is None or put is None:
        return series.ltp
    return round(float(strike) + market.quote(call).ltp - market.quote(put).ltp, 2)


def _window(series: Series, strike_count: int | None) -> tuple[int, int]:
    if strike_count is None:
        return 0, len(series.rows)
    return max(series.atm - strike_count, 0), min(series.atm + strike_count + 1, len(series.rows))


def _chain_row(market: Market, series: Series, index: int, model: _Model | None) -> Body:
    strike, call, put = series.rows[index]
    away = index - series.atm
    return {
        "strike": float(strike),
        "ce": _leg(market, call, _label(away), model),
        "pe": _leg(market, put, _label(-away), model),
    }


def _label(away: int) -> str:
    """`away` counts strikes out of the money."""
    if not away:
        return "ATM"
    return f"OTM{away}" if away > 0 else f"ITM{-away}"


def _leg(market: Market, contract: Contract | None, label: str, model: _Model | None) -> Body | None:
    if contract is None:
        return None
    quote, depth = market.quote(contract), market.depth(contract, 1)
    leg = {
        "symbol": contract.symbol,
        "label": label,
        **asdict(quote),
        "bid_qty": _quantity(depth.bids),
        "ask_qty": _quantity(depth.asks),
        "lotsize": contract.lot_size,
        "tick_size": float(contract.tick),
    }
    if model:
        sigma, found = model.solve(contract, quote.ltp)
        leg |= {"implied_volatility": round(sigma * 100, 2), **_rounded(found)}
        del leg["rho"]
    return leg


def _quantity(levels: tuple[Level, ...]) -> int:
    return levels[0].quantity if levels else 0


def _rounded(found: Greeks) -> Body:
    digits = {"delta": 4, "gamma": 6, "theta": 4, "vega": 4, "rho": 6}
    return {name: round(value, digits[name]) for name, value in found._asdict().items()}


def _greeks_body(market: Market, contract: Contract, spot: float, model: _Model) -> Body:
    expiry = contract.expiry or date.max
    price = market.quote(contract).ltp
    sigma, found = model.solve(contract, price)
    return {
        "symbol": contract.symbol,
        "exchange": contract.exchange,
        "underlying": contract.name,
        "strike": float(contract.strike),
        "option_type": contract.kind,
        "expiry_date": expiry.strftime("%d-%b-%Y"),
        "days_to_expiry": round(model.years(expiry) * 365, 4),
        "spot_price": spot,
        "option_price": price,
        "interest_rate": model.interest_rate,
        "implied_volatility": round(sigma * 100, 2),
        "greeks": _rounded(found),
    }


def _greeks_or_error(market: Market, row: dict[str, str], interest_rate: float) -> Body:
    symbol, exchange = row["symbol"], row["exchange"]
    try:
        return {"status": "success", **option_greeks(market, symbol, exchange, interest_rate=interest_rate)}
    except OptionsError as error:
        return {"status": "error", "symbol": symbol, "exchange": exchange, "message": error.message}


def _expiry_seconds(expiry: date) -> int:
    return calendar.epoch_ms(expiry, EXPIRY_MINUTE) // 1000
