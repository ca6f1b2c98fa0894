"""How gunicorn serves the web. The first two lines come before anything of ours is imported, and must."""

from gevent import monkey

monkey.patch_all()

import gc  # noqa: E402 - see above
import os  # noqa: E402 - see above

worker_class = "gevent"
worker_connections = 4000
timeout = 60
graceful_timeout = 2  # requests take milliseconds; open streams never end by themselves
keepalive = 20
errorlog = "-"
loglevel = os.environ.get("MIRRORDESK_WEB_LOG_LEVEL", "warning")
limit_request_line = 8190
control_socket_disable = True


def post_worker_init(_worker: object) -> None:
    gc.collect()
    gc.freeze()  # what was imported stays: to look through it again and again would hold pages up
    print("The web is ready.", flush=True)
