"""Secrets that open a door once shown: 256 bits of chance, of which only the SHA-256 is stored."""

import hashlib
import secrets


def new_ticket(prefix: str = "") -> tuple[str, str]:
    """The secret for its holder and the digest for the database."""
    secret = prefix + secrets.token_urlsafe(32)
    return secret, digest(secret)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
