"""The web as a WSGI application: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`."""

import sys

from flask import Flask

from app import tables
from app.core.errors import DeskError
from app.core.log import set_up
from app.web import create_app
from app.web.blocking import in_thread_pool
from app.wiring import build
from config import BadSetting, load

WILL_NOT_START = 4  # gunicorn ends with its worker then, instead of trying again for ever


def make() -> Flask:
    settings = load()
    set_up(settings.log_folder, "web")
    services = build(settings, "web", in_thread_pool)
    tables.check(services.db)
    services.accounts.verify_key()
    return create_app(services)


try:
    app = make()
except (DeskError, BadSetting) as problem:
    sys.stderr.write(f"Mirrordesk: {problem}\n")
    sys.exit(WILL_NOT_START)
