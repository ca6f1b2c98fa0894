"""How a message proves that it comes from who knows the secret: by the secret itself, or by a signature. Pure.

A signature is the header `X-Mirrordesk-Signature: t=<unix seconds>,v1=<hex>`, where the hex is the HMAC-SHA256 of
`<t>.<body>` under the secret. It is good for five minutes around its time, so that one overheard is soon worth nothing.
"""

import hashlib
import hmac
import re
from datetime import datetime

HEADER = "X-Mirrordesk-Signature"
TOLERANCE = 300  # seconds
SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def sign(secret: str, at: datetime, body: bytes) -> str:
    """The header of a message that is sent now."""
    return f"t={int(at.timestamp())},v1={_digest(secret, str(int(at.timestamp())), body)}"


def why_unsigned(secret: str, header: str, body: bytes, now: datetime) -> str:
    """Empty when the signature holds. One signature has one way of being written: it tells messages apart."""
    found = SIGNATURE.fullmatch(header)
    if found is None:
        return f"The signature must read t=<seconds>,v1=<64 hex digits> in {HEADER}."
    if not hmac.compare_digest(_digest(secret, found[1], body), found[2]):
        return "The signature is not of this body under this secret."
    if abs(now.timestamp() - int(found[1])) > TOLERANCE:
        return "The signature is more than five minutes away from the desk's clock."
    return ""


def why_unknown(secret: str, told: object) -> str:
    """Empty when the body names the secret itself."""
    if not isinstance(told, str) or not told:
        return f"The message names no secret and has no {HEADER}."
    return "" if hmac.compare_digest(secret.encode(), told.encode(errors="surrogatepass")) else "The secret is wrong."


def _digest(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
