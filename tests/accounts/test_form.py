import pytest

from app.accounts.kinds import ExtraField, KindForm
from app.core.errors import Denied, Invalid
from tests.accounts.conftest import build, typed

MEGABYTE = "x" * 1_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "💥"),
        ("name", "x" * 61),
        ("name", "<script>"),
        ("name", "two\nlines"),
        ("name", 7),
        ("name", ["a"]),
        ("venue_kind", "nyse"),
        ("host_url", "ftp://127.0.0.1"),
        ("host_url", "127.0.0.1:5000"),
        ("host_url", "http://me:pass@127.0.0.1:5000"),
        ("host_url", "http://169.254.169.254/latest"),
        ("host_url", "http://[::1"),
        ("host_url", "http://127.0.0.1:99999"),
        ("host_url", "http://127.0.0.1:5000/?a=b"),
        ("host_url", "http://💥"),
        ("host_url", MEGABYTE),
        ("host_url", {"a": 1}),
        ("stream_url", "http://127.0.0.1:8765"),
        ("stream_url", "ws://169.254.169.254"),
        ("api_key", ""),
        ("api_key", "has space"),
        ("api_key", "💥" * 10),
        ("api_key", "x" * 257),
        ("api_key", MEGABYTE),
        ("api_key", 12345),
        ("api_secret", "💥"),
        ("default_product", "CFD"),
        ("expected_mode", "maybe"),
        ("orders_per_second", "0"),
        ("orders_per_second", "-1"),
        ("orders_per_second", 10**30),
        ("orders_per_second", "1e30"),
        ("orders_per_second", "NaN"),
        ("orders_per_second", float("nan")),
        ("orders_per_second", "2.5"),
        ("orders_per_second", True),
        ("orders_per_second", MEGABYTE),
        ("max_in_flight", "lots"),
        ("kept_for_exits", "100"),
        ("kept_for_exits", "1.5"),
        ("kept_for_exits", "1e9999999"),
        ("kept_for_exits", "1e-9999999"),
        ("market_protection", "1e9999999"),
        ("kept_for_exits", "-1"),
        ("poll_seconds", "0.1"),
        ("poll_seconds", "61"),
        ("poll_seconds", "1.333"),
        ("reads_per_minute", "29"),
        ("reads_per_minute", "3001"),
        ("reads_per_minute", "60.5"),
        ("kept_for_exits", True),
        ("market_protection", "0"),
        ("market_protection", "21"),
        ("market_protection", "NaN"),
        ("market_protection", "1.234"),
        ("bind_address", "not-an-address"),
        ("proxy", "socks5://127.0.0.1"),
        ("proxy", "http://169.254.169.254:80"),
    ],
)
def test_a_wrong_field_gets_a_sentence_and_nothing_is_made(accounts, asha, field, value):
    with pytest.raises(Invalid) as refused:
        accounts.add(asha, typed(**{field: value}))
    assert list(refused.value.fields) == [field]
    assert all(sentence.endswith(".") for sentence in refused.value.fields[field])
    assert accounts.list(asha) == []


def test_all_wrong_fields_are_told_at_once(accounts, asha):
    with pytest.raises(Invalid) as refused:
        accounts.add(asha, typed(name="", api_key="", host_url="nowhere"))
    assert set(refused.value.fields) == {"name", "api_key", "host_url"}


def test_blank_addresses_are_those_of_a_server_on_this_machine(accounts, asha):
    account = accounts.add(asha, typed(host_url="", stream_url=""))
    assert (account.host_url, account.stream_url) == ("http://127.0.0.1:5000", "ws://127.0.0.1:8765")


def test_a_pasted_api_address_is_trimmed_to_the_server(accounts, asha):
    account = accounts.add(asha, typed(host_url=" http://127.0.0.1:5001/api/v1/ "))
    assert account.host_url == "http://127.0.0.1:5001"


def test_private_addresses_can_be_forbidden(db, clock, vault, asha):
    strict = build(db, clock, vault, allow_private=False)
    with pytest.raises(Invalid) as refused:
        strict.add(asha, typed())
    assert set(refused.value.fields) == {"host_url", "stream_url"}


def test_an_exchange_needs_its_secret_and_passphrase_but_no_address(db, clock, vault, asha):
    kinds = {"okx": KindForm("OKX", extra=(ExtraField("passphrase", "Passphrase"),))}
    service = build(db, clock, vault, kinds=kinds)
    form = {"name": "OKX", "venue_kind": "okx", "api_key": "k"}
    with pytest.raises(Invalid) as refused:
        service.add(asha, form)
    assert set(refused.value.fields) == {"api_secret", "passphrase"}
    account = service.add(asha, form | {"api_secret": "-----BEGIN KEY-----\nab cd\n", "passphrase": "p w"})
    assert (account.host_url, account.currency, account.default_product) == ("", "USDT", "CROSS")
    assert service.connection(account).extra == {"passphrase": "p w"}


def test_an_edit_with_a_blank_key_keeps_the_stored_one(accounts, asha):
    account = accounts.add(asha, typed(proxy="http://u:p@127.0.0.1:1"))
    edited = accounts.edit(asha, account.id, typed("New name", api_key=""))
    assert edited.name == "New name"
    assert accounts.connection(edited).api_key == typed()["api_key"]
    assert accounts.connection(edited).proxy == "http://u:p@127.0.0.1:1"
    without = accounts.edit(asha, account.id, typed("New name", api_key="", clear_proxy="1"))
    assert accounts.connection(without).proxy == ""


def test_an_edit_renews_a_key_that_was_typed(accounts, asha):
    account = accounts.add(asha, typed())
    assert accounts.connection(accounts.edit(asha, account.id, typed(api_key="fresh"))).api_key == "fresh"


def test_a_form_never_touches_the_broker_or_the_kind_of_venue(accounts, asha, health):
    account = accounts.add(asha, typed())
    edited = accounts.edit(asha, account.id, typed(broker="evil", venue_kind="gate", is_primary="0", currency="X"))
    assert (edited.broker, edited.venue_kind, edited.is_primary, edited.currency) == ("", "openalgo", True, "INR")


def test_a_wrong_edit_changes_nothing(accounts, asha):
    account = accounts.add(asha, typed())
    with pytest.raises(Invalid):
        accounts.edit(asha, account.id, typed("Other", orders_per_second="NaN"))
    assert accounts.get(asha, account.id).name == "Zerodha main"


def test_an_edit_of_an_old_form_is_refused(accounts, asha):
    account = accounts.add(asha, typed())
    accounts.edit(asha, account.id, typed("First"), version=1)
    with pytest.raises(Denied, match="Somebody changed this account"):
        accounts.edit(asha, account.id, typed("Second"), version=1)
    assert accounts.get(asha, account.id).name == "First"
