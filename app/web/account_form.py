"""The form of an account. The kind of venue says which fields it has, the accounts room what they may hold."""

from typing import Any, cast

from wtforms import BooleanField, HiddenField, PasswordField, SelectChoice, SelectField, StringField

from app.accounts.form import Values
from app.accounts.kinds import KindForm
from app.accounts.models import Account
from app.venues.types import Mode
from app.web.forms import DeskForm

MODES = [
    SelectChoice(Mode.LIVE.value, "Live: orders reach the broker"),
    SelectChoice(Mode.PAPER.value, "Paper: a simulator, such as OpenAlgo's analyzer"),
]
SENSITIVE = ("host_url", "stream_url", "proxy", "bind_address")  # where the keys are sent, and which way


class AccountForm(DeskForm):
    name = StringField("Name")
    host_url = StringField("Server address")
    stream_url = StringField("Stream address")
    api_key = PasswordField("API key")
    api_secret = PasswordField("API secret")
    expected_mode = SelectField("This account is", choices=MODES, validate_choice=False)
    default_product = SelectField("Product for new orders", validate_choice=False)
    orders_per_second = StringField("Orders per second, at most", default="10")
    max_in_flight = StringField("Orders under way at once, at most", default="10")
    kept_for_exits = StringField("Of these kept for exits (optional)")
    market_protection = StringField("Market exits as protected limits, % (optional)")
    poll_seconds = StringField("Seconds between readings of open positions (optional)")
    reads_per_minute = StringField("Readings of books per minute, at most (optional)")
    grade = StringField("Quality grade (optional)")
    max_lots = StringField("Lots of one leg, at most (optional)")
    max_value = StringField("Value of a run's legs together, at most (optional)")
    counts_collateral = BooleanField("Collateral counts as free margin")
    bind_address = StringField("Send from this address of the machine (optional)")
    proxy = PasswordField("Proxy (optional)")
    clear_proxy = BooleanField("Use no proxy any more")
    version = HiddenField()
    password = PasswordField("Your password")

    def values(self, kind: str) -> Values:
        """What was typed, as the accounts room reads it."""
        return cast("dict[str, Any]", self.data) | {"venue_kind": kind}

    def opened_version(self) -> int | None:
        text = str(self.version.data or "")
        return int(text) if text.isdecimal() and len(text) < 10 else None

    def touches_keys(self, account: Account, extra: tuple[str, ...]) -> bool:
        """Whether keys are changed, or would be sent somewhere else than before."""
        typed = [self.data.get(name) for name in ("api_key", "api_secret", "proxy", *extra)]
        moved = [str(self.data.get(name) or "").rstrip("/") for name in ("host_url", "stream_url", "bind_address")]
        return any(typed) or moved != [account.host_url, account.stream_url, account.bind_address]


def account_form(kind: KindForm, account: Account | None = None) -> AccountForm:
    """A form with the fields this kind of venue has, filled from the account that is edited."""
    extra = {field.name: PasswordField(field.label) for field in kind.extra}
    made = cast("type[AccountForm]", type("AccountForm", (AccountForm,), extra))
    form = made(obj=account) if account else made(data=_defaults(kind))
    form.default_product.choices = [SelectChoice(name, name) for name in kind.products]
    if not kind.needs_secret and not extra:
        del form.api_secret
    if account is None:
        del form.clear_proxy, form.version, form.password
    return form


def _defaults(kind: KindForm) -> dict[str, str]:
    return {
        "host_url": kind.default_host,
        "stream_url": kind.default_stream,
        "orders_per_second": "10",
        "max_in_flight": "10",
    }
