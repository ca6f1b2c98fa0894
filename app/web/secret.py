"""The key that signs cookies: from the environment, else from a file only its owner can read, made once."""

import secrets
from pathlib import Path

from app.core.private_files import create_once, readable_by_others
from config import BadSetting, Settings

SHORTEST = 32


def signing_key(settings: Settings) -> str:
    key = settings.secret_key or _from_file(settings.secret_file)
    if len(key) < SHORTEST:
        raise BadSetting(f"MIRRORDESK_SECRET_KEY is too short: use at least {SHORTEST} random characters.")
    return key


def _from_file(path: Path) -> str:
    if not path.exists():
        create_once(path, secrets.token_urlsafe(48) + "\n")
    if readable_by_others(path):
        raise BadSetting(f"{path} can be read by others: run chmod 600 on it.")
    return path.read_text(encoding="ascii").strip()
