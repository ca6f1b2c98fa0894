"""What each endpoint accepts, field by field, in OpenAlgo's order and words."""

import re
from typing import Any

from app.paper.fields import (
    Check,
    Field,
    Invalid,
    Schema,
    boolean,
    day,
    integer,
    list_of,
    nullable,
    number,
    numeric_text,
    one_of,
    optional,
    required,
    text,
)

EXCHANGES = (
    "NSE", "NFO", "CDS", "BSE", "BFO", "BCD", "MCX", "NCDEX", "NCO",
    "NSE_INDEX", "BSE_INDEX", "MCX_INDEX", "GLOBAL_INDEX", "CRYPTO",
)  # fmt: skip
DERIVATIVES = ("NFO", "BFO", "MCX", "CDS", "NCO", "BCD", "NCDEX", "CRYPTO")
INTERVALS = (
    "1s", "5s", "10s", "15s", "30s", "45s", "1m", "2m", "3m", "5m", "10m", "15m", "20m", "30m",
    "1h", "2h", "3h", "4h", "D", "W", "M", "Q", "Y",
)  # fmt: skip
ONLY_CARRIED = "GTT supports only CNC (delivery) or NRML (overnight F&O); MIS is intraday-only."

KEY = required("apikey", text(1, 256))
STRATEGY = required("strategy", text())
EXCHANGE = required("exchange", one_of(*EXCHANGES))
SYMBOL = required("symbol", text())
ACTION = required("action", one_of("BUY", "SELL", "buy", "sell"))
ORDER_ID = required("orderid", text())
PRICETYPE = one_of("MARKET", "LIMIT", "SL", "SL-M")
PRODUCT = one_of("MIS", "NRML", "CNC")
CARRIED = one_of("MIS", "NRML")
QUANTITY = number("Quantity must be a positive number.", above=0)
WHOLE_QUANTITY = integer("Quantity must be a positive integer.", least=1)
PRICE = number("Price must be a non-negative number.", least=0)
TRIGGER = number("Trigger price must be a non-negative number.", least=0)
DISCLOSED = integer("Disclosed quantity must be a non-negative integer.", least=0)
SPLIT_SIZE = integer("Split size must be a non-negative integer.", least=0)
EXPIRY_DATE = text()


def _offset(value: Any) -> str:
    """ATM, ITM1..ITM50 or OTM1..OTM50."""
    if not isinstance(value, str) or not re.fullmatch(r"ATM|(ITM|OTM)([1-9]|[1-4]\d|50)", value.upper()):
        raise Invalid(["Offset must be ATM, ITM1-ITM50, or OTM1-OTM50"])
    return value.upper()


OFFSET = required("offset", _offset)
OPTION_TYPE = required("option_type", one_of("CE", "PE", "ce", "pe"))


def _terms(product: Check = PRODUCT) -> tuple[Field, ...]:
    """The optional half of an order."""
    return (
        optional("pricetype", PRICETYPE, "MARKET"),
        optional("product", product, "MIS"),
        optional("price", PRICE, 0),
        optional("trigger_price", TRIGGER, 0),
        optional("disclosed_quantity", DISCLOSED, 0),
    )


def _whole(data: dict[str, Any]) -> dict[str, list[str]]:
    quantity = data["quantity"]
    if isinstance(quantity, float) and data["exchange"] != "CRYPTO":
        text = f"Fractional quantity ({quantity}) is not allowed for non-crypto exchanges."
        return {"quantity": [text]}
    return {}


ORDER = Schema(
    KEY, STRATEGY, EXCHANGE, SYMBOL, ACTION, required("quantity", QUANTITY), *_terms(),
    optional("underlying_ltp", nullable(number())), rules=(_whole,),
)  # fmt: skip
SMART_ORDER = Schema(
    KEY, STRATEGY, EXCHANGE, SYMBOL, ACTION,
    required("quantity", number("Quantity must be a non-negative number.", least=0)),
    required("position_size", number()), *_terms(), rules=(_whole,),
)  # fmt: skip
MODIFY_ORDER = Schema(
    KEY, STRATEGY, EXCHANGE, SYMBOL, ORDER_ID, ACTION, required("product", PRODUCT),
    required("pricetype", PRICETYPE), required("price", PRICE), required("quantity", QUANTITY),
    required("disclosed_quantity", DISCLOSED), required("trigger_price", TRIGGER), rules=(_whole,),
)  # fmt: skip
CANCEL_ORDER = Schema(KEY, STRATEGY, ORDER_ID)
ORDER_STATUS = CANCEL_ORDER
WHOLE_ACCOUNT = Schema(KEY, STRATEGY)
BASKET_ITEM = Schema(EXCHANGE, SYMBOL, ACTION, required("quantity", QUANTITY), *_terms(), rules=(_whole,))
BASKET_ORDER = Schema(
    KEY, STRATEGY, required("orders", list_of(BASKET_ITEM, 1, None, "Shorter than minimum length 1."))
)
SPLIT_ORDER = Schema(
    KEY, STRATEGY, EXCHANGE, SYMBOL, ACTION, required("quantity", QUANTITY),
    required("splitsize", integer("Split size must be a positive integer.", least=1)), *_terms(), rules=(_whole,),
)  # fmt: skip
OPEN_POSITION = Schema(KEY, STRATEGY, SYMBOL, EXCHANGE, required("product", PRODUCT))

UNDERLYING = required("underlying", text(1))
OPTIONS_ORDER = Schema(
    KEY, STRATEGY, UNDERLYING, EXCHANGE, optional("expiry_date", nullable(EXPIRY_DATE)),
    optional("strike_int", nullable(integer())), OFFSET, OPTION_TYPE, ACTION,
    required("quantity", WHOLE_QUANTITY), optional("splitsize", SPLIT_SIZE, 0), *_terms(CARRIED),
)  # fmt: skip
LEG = Schema(
    OFFSET, OPTION_TYPE, ACTION, required("quantity", WHOLE_QUANTITY),
    optional("expiry_date", nullable(EXPIRY_DATE)), optional("splitsize", SPLIT_SIZE, 0), *_terms(CARRIED),
)  # fmt: skip
OPTIONS_MULTI_ORDER = Schema(
    KEY, STRATEGY, UNDERLYING, EXCHANGE, optional("expiry_date", nullable(EXPIRY_DATE)),
    optional("strike_int", nullable(integer())),
    required("legs", list_of(LEG, 1, 20, "Legs must contain 1 to 20 items.")),
)  # fmt: skip

ONLY_KEY = Schema(KEY)
INSTRUMENT = Schema(KEY, SYMBOL, EXCHANGE)
PAIR = Schema(SYMBOL, EXCHANGE)
MULTI_QUOTES = Schema(KEY, required("symbols", list_of(PAIR, 1, None, "At least one symbol is required.")))
HISTORY = Schema(
    KEY, SYMBOL, EXCHANGE, required("interval", one_of(*INTERVALS)), required("start_date", day),
    required("end_date", day), optional("source", one_of("api", "db"), "api"),
)  # fmt: skip
SEARCH = Schema(KEY, required("query", text(1)), optional("exchange", nullable(one_of(*EXCHANGES))))
EXPIRY = Schema(
    KEY, SYMBOL, required("exchange", one_of(*DERIVATIVES)),
    required("instrumenttype", one_of("futures", "options")),
)  # fmt: skip
INSTRUMENTS = Schema(KEY, optional("exchange", one_of(*EXCHANGES)), optional("format", one_of("json", "csv"), "json"))
MARGIN_POSITION = Schema(
    SYMBOL, EXCHANGE, ACTION, required("product", PRODUCT), required("pricetype", PRICETYPE),
    required("quantity", numeric_text("Quantity must be a positive number.", above=0)),
    optional("price", numeric_text("Price must be a non-negative number.", least=0), 0),
    optional("trigger_price", numeric_text("Trigger price must be a non-negative number.", least=0), 0),
    rules=(_whole,),
)  # fmt: skip
MARGIN = Schema(KEY, required("positions", list_of(MARGIN_POSITION, 1, 50, "Positions must contain 1 to 50 items.")))

OPTION_SYMBOL = Schema(
    KEY, optional("strategy", nullable(text())), UNDERLYING, EXCHANGE,
    optional("expiry_date", nullable(EXPIRY_DATE)), optional("strike_int", nullable(integer())), OFFSET, OPTION_TYPE,
)  # fmt: skip
RATE = number("Must be greater than or equal to 0.", least=0)
STRIKE_COUNT = integer("Must be greater than or equal to 1 and less than or equal to 100.", 1, 100)
OPTION_CHAIN = Schema(
    KEY, UNDERLYING, EXCHANGE, required("expiry_date", EXPIRY_DATE),
    optional("strike_count", nullable(STRIKE_COUNT)), optional("with_greeks", boolean, False),
    optional("interest_rate", nullable(RATE)),
)  # fmt: skip
FORWARD = number("Must be greater than 0.", above=0)
GREEKS_EXCHANGE = required("exchange", one_of(*DERIVATIVES))
UNDERLYING_HINTS = (
    optional("underlying_symbol", nullable(text())),
    optional("underlying_exchange", nullable(one_of(*EXCHANGES))),
)
OPTION_GREEKS = Schema(
    KEY, SYMBOL, GREEKS_EXCHANGE, optional("interest_rate", nullable(RATE)),
    optional("forward_price", nullable(FORWARD)), *UNDERLYING_HINTS, optional("expiry_time", nullable(text())),
)  # fmt: skip
MULTI_GREEKS_ITEM = Schema(SYMBOL, GREEKS_EXCHANGE, *UNDERLYING_HINTS)
MULTI_OPTION_GREEKS = Schema(
    KEY, required("symbols", list_of(MULTI_GREEKS_ITEM, 1, 50, "Length must be between 1 and 50.")),
    optional("interest_rate", nullable(RATE)), optional("expiry_time", nullable(text())),
)  # fmt: skip
SYNTHETIC_FUTURE = Schema(KEY, UNDERLYING, EXCHANGE, required("expiry_date", EXPIRY_DATE))

ANALYZER_TOGGLE = Schema(KEY, required("mode", boolean))
HOLIDAYS = Schema(KEY, optional("year", integer("Year must be between 2020 and 2050", 2020, 2050)))
TIMINGS = Schema(KEY, required("date", day))


def _gtt_triggers(data: dict[str, Any]) -> dict[str, list[str]]:
    lower, upper = data["triggerprice_sl"], data["triggerprice_tg"]
    if data["trigger_type"] == "SINGLE":
        if (lower > 0) == (upper > 0):
            return {"trigger_type": ["SINGLE needs exactly one of triggerprice_sl or triggerprice_tg."]}
        return {}
    if min(lower, upper, data["stoploss"], data["target"]) <= 0:
        return {"trigger_type": ["OCO needs triggerprice_sl, triggerprice_tg, stoploss and target."]}
    if lower >= upper:
        return {"triggerprice_sl": ["triggerprice_sl must be below triggerprice_tg."]}
    return {}


GTT_FIELDS = (
    required("trigger_type", one_of("SINGLE", "OCO")), EXCHANGE, SYMBOL, ACTION,
    required("product", one_of("CNC", "NRML", message=ONLY_CARRIED)), required("quantity", QUANTITY),
    optional("pricetype", one_of("LIMIT", "MARKET"), "LIMIT"), optional("price", PRICE, 0),
    optional("triggerprice_sl", TRIGGER, 0), optional("triggerprice_tg", TRIGGER, 0),
    optional("stoploss", PRICE, 0), optional("target", PRICE, 0),
)  # fmt: skip
GTT_RULES = (_whole, _gtt_triggers)
PLACE_GTT = Schema(KEY, STRATEGY, *GTT_FIELDS, rules=GTT_RULES, ignore_unknown=True)
MODIFY_GTT = Schema(KEY, STRATEGY, required("trigger_id", text()), *GTT_FIELDS, rules=GTT_RULES, ignore_unknown=True)
CANCEL_GTT = Schema(KEY, STRATEGY, required("trigger_id", text()))
