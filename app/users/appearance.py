"""How the desk looks for one person; kept on the server so that the first byte of a page is right already."""

from typing import Any

from app.core.errors import Invalid

CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("system", "dark", "light"),
    "palette": ("green-red", "red-green", "blue-orange"),
    "density": ("comfortable", "compact"),
    "keys": ("on", "off"),  # one-key shortcuts
}
DEFAULTS: dict[str, str] = {name: choices[0] for name, choices in CHOICES.items()}


def check_appearance(wish: dict[str, Any]) -> dict[str, str]:
    wrong = {name: ["Choose one of the options."] for name, value in wish.items() if value not in CHOICES.get(name, ())}
    if wrong:
        raise Invalid(wrong)
    return {name: str(value) for name, value in wish.items()}


def appearance_of(stored: dict[str, Any]) -> dict[str, str]:
    """Every choice; what is missing or no longer offered has its default."""
    return {name: stored[name] if stored.get(name) in choices else DEFAULTS[name] for name, choices in CHOICES.items()}
