"""Work that keeps a core busy leaves gevent's event loop, so that it does not stop every stream of this
process.
"""

from collections.abc import Callable
from typing import Any

from gevent import get_hub, monkey


def in_thread_pool(work: Callable[[], Any]) -> Any:
    """Run it in a real thread and wait for it without standing in anyone's way."""
    if monkey.is_module_patched("threading"):
        return get_hub().threadpool.apply(work)
    return work()
