"""A person's own settings, and an admin's view of the people: one blueprint, a module per page."""

from flask import Blueprint

from app.web.settings import appearance, people, security, sizes, tokens

bp = Blueprint("settings", __name__, url_prefix="/settings")

for page in (appearance, sizes, security, tokens, people):
    page.add_to(bp)
