"""Files that only their owner can read, made whole or not at all."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def create_once(path: Path, text: str) -> None:
    """Make the file with mode 0600 unless it exists; two processes that start together end with the same file.

    It is written whole under another name first, so nobody ever reads half of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    with suppress(FileExistsError):  # somebody was first: theirs counts
        os.link(draft, path)
    draft.unlink()


def readable_by_others(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o077)
