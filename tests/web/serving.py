"""A web of the desk on a port of its own, for a browser or a socket of the test."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Any

from flask import Flask
from werkzeug.serving import make_server


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The port of a server that ends with the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = app.wsgi_app(environ, start_response)
        return _read(said) if environ["PATH_INFO"].startswith("/static/") else said

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _read(said: Any) -> list[bytes]:
    """A file as a whole: this server leaves it open where the browser goes in the middle of it."""
    with closing(said) if hasattr(said, "close") else nullcontext():
        return list(said)
