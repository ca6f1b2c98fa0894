"""The browser that a User-Agent header names, in the words of a person who looks for their own."""

import re

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
LONGEST = 60


def browser_of(user_agent: str) -> str:
    """ "Firefox on Linux"; what names neither is shown as it is, cut short."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return re.sub(r"\s+", " ", user_agent).strip()[:LONGEST] or "Unknown"
