"""Secrets at rest: Fernet with rotation. The newest key encrypts, all keys decrypt.

A key comes from the environment or from a file that only its owner can read. A key that does not fit what was
encrypted before stops the boot: silently starting with a new key would make every stored credential unreadable.
"""

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.core.errors import DeskError
from app.core.private_files import create_once, readable_by_others


class KeyProblem(DeskError):
    code = "encryption_key"


class Vault:
    """Encrypts and decrypts text with the desk's keys, newest first."""

    def __init__(self, keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key.encode()) for key in keys])
        except (ValueError, TypeError) as error:
            raise KeyProblem("An encryption key is malformed: it must be 32 bytes in URL-safe base64.") from error

    def seal(self, secret: str) -> str:
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise KeyProblem("The encryption key does not fit what is stored: restore the old key.") from error

    def reseal(self, sealed: str) -> str:
        """The same secret under the newest key."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken as error:
            raise KeyProblem("The encryption key does not fit what is stored: restore the old key.") from error


def load_keys(configured: str, path: Path) -> list[str]:
    """Keys from the environment (comma separated, newest first), else from the key file, which is made if absent."""
    if configured.strip():
        return [key.strip() for key in configured.split(",") if key.strip()]
    if not path.exists():
        create_once(path, Fernet.generate_key().decode() + "\n")
    if readable_by_others(path):
        raise KeyProblem(f"{path} can be read by others: run chmod 600 on it.")
    return path.read_text(encoding="ascii", errors="replace").split()  # what is no key is found to be none
