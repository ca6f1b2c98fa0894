"""Sign-in names: compared without regard to case and Unicode forms, so that no two look alike."""

import unicodedata

from app.core.errors import Invalid

SHORTEST, LONGEST = 2, 64


def shown(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip()


def key(name: str) -> str:
    return shown(name).casefold()


def check(name: str) -> str:
    """The name as it will be shown, or Invalid."""
    name = shown(name)
    if not SHORTEST <= len(name) <= LONGEST:
        raise Invalid.field("name", f"Use {SHORTEST} to {LONGEST} characters.")
    if not name.isprintable():
        raise Invalid.field("name", "Use letters, digits and signs that can be seen.")
    return name
