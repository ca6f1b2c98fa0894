import pytest

from app.paper import analytics
from app.paper.analytics import OptionsError
from tests.paper.markets import HandMarket

LEG = {
    "symbol", "label", "ltp", "bid", "ask", "bid_qty", "ask_qty", "open", "high", "low", "prev_close", "volume", "oi",
    "lotsize", "tick_size",
}  # fmt: skip
LEG_GREEKS = {"implied_volatility", "delta", "gamma", "theta", "vega"}


@pytest.fixture
def market():
    market = HandMarket()
    market.pin("NIFTY", 26012.8)
    return market


def by_offset(market, offset, option_type, expiry="24NOV26", underlying="NIFTY"):
    asked = {"offset": offset, "option_type": option_type}
    return analytics.option_symbol(market, underlying, "NSE_INDEX", expiry, **asked)


@pytest.mark.parametrize(
    ("offset", "option_type", "strike"),
    [("ATM", "CE", 26000), ("OTM5", "PE", 25750), ("OTM2", "CE", 26100), ("ITM1", "CE", 25950), ("ITM3", "PE", 26150)],
)
def test_an_offset_counts_listed_strikes_from_the_money(market, offset, option_type, strike):
    assert by_offset(market, offset, option_type) == {
        "symbol": f"NIFTY24NOV26{strike}{option_type}",
        "exchange": "NFO",
        "lotsize": 65,
        "tick_size": 0.05,
        "freeze_qty": 1800,
        "underlying_ltp": 26012.8,
    }


def test_the_expiry_may_stand_in_the_underlying(market):
    asked = {"offset": "ATM", "option_type": "CE"}
    found = analytics.option_symbol(market, "NIFTY24NOV26FUT", "NFO", None, **asked)
    assert found["symbol"] == "NIFTY24NOV2626050CE"  # the future stands half a strike above the index
    assert found["underlying_ltp"] == market.quote(market.future).ltp


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"expiry": "01JAN30"}, 404, "No strikes found for NIFTY expiring 01JAN30."),
        ({"expiry": "soon"}, 404, "No strikes found for NIFTY expiring soon."),
        ({"expiry": None}, 400, "Expiry date is required"),
        ({"offset": "OTM50"}, 400, "Offset OTM50 is out of range for available strikes."),
        ({"offset": "OTM51"}, 400, "Invalid offset"),
        ({"underlying": "NOSUCH"}, 404, "Symbol 'NOSUCH' not found"),
    ],
)
def test_what_is_not_listed_is_refused_in_the_servers_words(market, changes, status, words):
    with pytest.raises(OptionsError) as refused:
        by_offset(market, **({"offset": "ATM", "option_type": "CE"} | changes))
    assert refused.value.status == status
    assert refused.value.message.startswith(words)


def test_a_chain_labels_its_rows_from_the_money(market):
    chain = analytics.option_chain(market, "NIFTY", "NSE_INDEX", "24NOV26", strike_count=2)
    rows = [(row["strike"], row["ce"]["label"], row["pe"]["label"]) for row in chain["chain"]]
    assert rows == [
        (25900.0, "ITM2", "OTM2"),
        (25950.0, "ITM1", "OTM1"),
        (26000.0, "ATM", "ATM"),
        (26050.0, "OTM1", "ITM1"),
        (26100.0, "OTM2", "ITM2"),
    ]
    assert set(chain["chain"][0]["ce"]) == LEG


def test_a_chain_has_the_head_of_the_servers_answer(market):
    chain = analytics.option_chain(market, "NIFTY", "NSE_INDEX", "24NOV26")
    assert len(chain.pop("chain")) == 81
    assert chain == {
        "underlying": "NIFTY",
        "underlying_symbol": "NIFTY",
        "underlying_exchange": "NSE_INDEX",
        "underlying_ltp": 26012.8,
        "underlying_prev_close": market.quote(market.nifty).prev_close,
        "expiry_date": "24NOV26",
        "expiry_ts": 1795514400,
        "server_ts": int(market.now().timestamp()),
        "atm_strike": 26000.0,
        "forward_price": pytest.approx(market.quote(market.future).ltp, abs=0.1),
        "quotes_included": True,
        "greeks_included": False,
    }


def test_call_and_put_of_a_strike_share_volatility_and_gamma(market):
    asked = {"strike_count": 10, "with_greeks": True}
    chain = analytics.option_chain(market, "NIFTY", "NSE_INDEX", "24NOV26", **asked)
    for row in chain["chain"]:
        call, put = row["ce"], row["pe"]
        assert set(call) == set(put) == LEG | LEG_GREEKS
        assert call["implied_volatility"] == pytest.approx(put["implied_volatility"], abs=0.15)
        assert call["delta"] - put["delta"] == pytest.approx(1, abs=0.01)
        assert 10 < call["implied_volatility"] < 25


def test_greeks_of_one_option_come_in_the_shape_of_the_server(market):
    found = analytics.option_greeks(market, "NIFTY24NOV2626050CE", "NFO")
    assert set(found.pop("greeks")) == {"delta", "gamma", "theta", "vega", "rho"}
    volatility = found.pop("implied_volatility")
    assert 10 < volatility < 25
    assert found == {
        "symbol": "NIFTY24NOV2626050CE",
        "exchange": "NFO",
        "underlying": "NIFTY",
        "strike": 26050.0,
        "option_type": "CE",
        "expiry_date": "24-Nov-2026",
        "days_to_expiry": pytest.approx(3.2292, abs=1e-4),
        "spot_price": 26012.8,
        "option_price": market.quote(market.call).ltp,
        "interest_rate": 0.0,
    }


@pytest.mark.parametrize(("symbol", "exchange", "status"), [("NOSUCH", "NFO", 404), ("NIFTY24NOV26FUT", "NFO", 400)])
def test_only_options_have_greeks(market, symbol, exchange, status):
    with pytest.raises(OptionsError) as refused:
        analytics.option_greeks(market, symbol, exchange)
    assert refused.value.status == status


def test_many_greeks_report_each_symbol_and_a_summary(market):
    rows = [{"symbol": symbol, "exchange": "NFO"} for symbol in ("NIFTY24NOV2626050CE", "NOSUCH")]
    found = analytics.multi_option_greeks(market, rows)
    assert [row["status"] for row in found["data"]] == ["success", "error"]
    assert found["summary"] == {"total": 2, "success": 1, "failed": 1}


@pytest.mark.parametrize(
    ("underlying", "exchange", "expiry"),
    [("NIFTY", "NSE_INDEX", "24NOV26"), ("SENSEX", "BSE_INDEX", "26NOV26"), ("BANKNIFTY", "NFO", "29DEC26")],
)
def test_the_synthetic_future_is_the_future_of_that_expiry(market, underlying, exchange, expiry):
    found = analytics.synthetic_future(market, underlying, exchange, expiry)
    venue = "BFO" if underlying == "SENSEX" else "NFO"
    future = market.quote(market.contract(f"{underlying}{expiry}FUT", venue)).ltp
    assert found["synthetic_future_price"] == pytest.approx(future, abs=0.1)
    assert set(found) == {"underlying", "underlying_ltp", "expiry", "atm_strike", "synthetic_future_price"}
