"""Serve the gallery until it is interrupted."""

import contextlib
import sys
import threading

from tests.web.gallery import served

with served() as (address, _), contextlib.suppress(KeyboardInterrupt):
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    threading.Event().wait()
