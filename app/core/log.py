"""Logs: one JSON object a line, UTC, rotated, without secrets.

`redact` is the last line of defence: whatever a caller hands over, a key that sounds like a secret loses its value and
long hexadecimal texts (broker keys) lose their middle.
"""

import logging
import logging.handlers
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

SECRET_NAMES = re.compile(r"(api_?key|secret|password|token|authorization|cookie|signature|private)", re.IGNORECASE)
SECRET_VALUES = re.compile(r"\b[0-9a-fA-F]{24,}\b")
HIDDEN = "…"


def redact(_logger: object, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in entry.items():
        entry[name] = HIDDEN if SECRET_NAMES.search(name) and value else _clean(value)
    return entry


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return SECRET_VALUES.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {name: HIDDEN if SECRET_NAMES.search(str(name)) else _clean(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def set_up(folder: Path, process: str, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's logging to `folder/process.jsonl`."""
    folder.mkdir(parents=True, exist_ok=True)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # a local may be a form with a password
        ),
        redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.handlers.RotatingFileHandler(
        folder / f"{process}.jsonl", maxBytes=20_000_000, backupCount=5, encoding="utf-8"
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "websocket", "urllib3"):  # their lines carry addresses and bodies
        logging.getLogger(noisy).setLevel(logging.WARNING)
