"""A question before something that can't be taken back: a dialog where scripts run, a page of its own where not."""

from flask import render_template

from app.web.errors import is_fragment


def ask(title: str, body: str, **values: object) -> str:
    """`body` is the template with the consequences and the button."""
    frame = "trading/dialog.html" if is_fragment() else "trading/ask.html"
    return render_template(frame, title=title, body=body, **values)
