"""The web as a WSGI application: `gunicorn --config deploy/gunicorn.conf.py wsgi:app`."""

from app.core.log import set_up
from app.web import create_app
from app.web.blocking import in_thread_pool
from app.wiring import build
from config import load

settings = load()
set_up(settings.log_folder, "web")
services = build(settings, "web", in_thread_pool)
services.accounts.verify_key()
app = create_app(services)
