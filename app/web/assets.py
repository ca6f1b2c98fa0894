"""Files of the desk's own: addressed by content, so that a browser keeps them for good and a new version is
new.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, g, request, url_for

A_YEAR = "public, max-age=31536000, immutable"


def start_assets(app: Flask) -> None:
    folder = Path(app.static_folder or "")

    @app.url_defaults
    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "filename" in values and "v" not in values:
            values["v"] = version_of(folder / values["filename"])

    app.jinja_env.globals["icons"] = icons

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static" and request.args.get("v") and response.status_code == 200:
            response.headers["Cache-Control"] = A_YEAR
        return response


def icons() -> str:
    """The address of the icons; a page has a hundred of them, so it is made once per request."""
    if "icons" not in g:
        g.icons = url_for("static", filename="icons.svg")
    return cast(str, g.icons)


def version_of(path: Path) -> str | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return _digest(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=512)
def _digest(path: Path, _changed: int, _size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
