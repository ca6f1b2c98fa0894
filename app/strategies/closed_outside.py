"""What a person is told of a leg that was closed outside the desk, and when that is over. Pure."""

from decimal import Decimal

from app.core.money import plain

ADVICE = "accept the broker's book to settle the rest."


def sentence(name: str, there: Decimal, held: Decimal) -> str:
    return (
        f"{name or 'A leg'}: at the broker {plain(there)} of {plain(held)} remain, the rest was closed outside "
        f"the desk. No more than that is exited; {ADVICE}"
    )


def is_over(told: str, lacking: Decimal) -> bool:
    """Whether a part was told of a difference that went by itself: nothing of what its legs hold is lacking now."""
    return not lacking and ADVICE in told
