"""Serving the web: gunicorn takes this process over, so that it can patch the standard library first."""

import os
import sys
from argparse import Namespace

from config import ROOT, Settings


def web(options: Namespace, _settings: Settings) -> int:
    command = (
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        str(ROOT / "deploy" / "gunicorn.conf.py"),
        "--bind",
        f"{options.host}:{options.port}",
        "--workers",
        str(options.workers),
        "wsgi:app",
    )
    os.chdir(ROOT)
    os.execv(sys.executable, command)
