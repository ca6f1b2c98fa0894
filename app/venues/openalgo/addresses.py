"""Where an OpenAlgo server is. Pure."""

DEFAULT_HOST = "http://127.0.0.1:5000"
DEFAULT_STREAM = "ws://127.0.0.1:8765"
VERSION = "v1"


def host_url(text: str) -> str:
    """Without the trailing slash, which would double in every path."""
    return text.strip().rstrip("/") or DEFAULT_HOST


def stream_url(text: str) -> str:
    """The stream's own address: it can't be told from the host's."""
    return text.strip().rstrip("/") or DEFAULT_STREAM
