"""What people call a contract: NIFTY 24 Nov 26 26,400 CE. The symbol itself stays in titles and in the API."""

from functools import lru_cache

from app.instruments.symbols import parse, spell_strike
from app.web.format import MONTHS, indian

KNOWN_AT_ONCE = 4096  # an option chain or two of every underlying a desk trades


@lru_cache(maxsize=KNOWN_AT_ONCE)
def contract_name(symbol: str) -> str:
    """The symbol apart, with its strike grouped; an equity, an index or what nobody can read stays as it is."""
    contract = parse(symbol)
    if contract is None:
        return symbol
    day = contract.expiry
    stem = f"{contract.name} {day.day} {MONTHS[day.month - 1]} {day.year % 100:02d}"
    if contract.strike is None:
        return f"{stem} {contract.kind}"
    _, _, decimals = spell_strike(contract.strike).partition(".")
    return f"{stem} {indian(contract.strike, len(decimals))} {contract.kind}"
