"""Where to go after signing in: only to a page of this desk, whatever the address asks for."""

import re
from urllib.parse import urlsplit

HOME = "/"
_ODD = re.compile(r"[\x00-\x20\x7f\\]")  # browsers drop or turn some of these, and then "/\t/evil" leaves the desk


def safe_next(wanted: str | None) -> str:
    if not wanted or not wanted.startswith("/") or wanted.startswith("//") or _ODD.search(wanted):
        return HOME
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    return HOME if parts.scheme or parts.netloc else wanted
