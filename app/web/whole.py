"""Whole numbers as they stand in addresses and headers."""

MOST_DIGITS = 18  # what a column of the database holds


def whole(text: str) -> int | None:
    """None for what is no whole number of at most 18 plain digits: "²" is a digit to Python, and no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None
