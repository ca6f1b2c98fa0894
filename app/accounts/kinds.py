"""What a person must type to connect an account of each kind of venue."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtraField:
    name: str
    label: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class KindForm:
    """One kind of venue as the account form shows it. Where `needs_host` is False the venue has its own
    address and a typed one only overrides it.
    """

    label: str
    needs_host: bool = False
    needs_secret: bool = True
    default_host: str = ""
    default_stream: str = ""
    currency: str = "USDT"
    products: tuple[str, ...] = ("CROSS", "ISOLATED", "SPOT")
    extra: tuple[ExtraField, ...] = ()


OPENALGO = KindForm(
    label="OpenAlgo server",
    needs_host=True,
    needs_secret=False,
    default_host="http://127.0.0.1:5000",
    default_stream="ws://127.0.0.1:8765",
    currency="INR",
    products=("MIS", "NRML", "CNC"),
)

KINDS = {"openalgo": OPENALGO}
