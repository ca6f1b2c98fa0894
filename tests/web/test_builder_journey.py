"""What the builder offers, executed: typed into its form, run from its preview against two paper
brokers, and compared with what stands in their books. Each test begins at the same price of NIFTY and leaves its runs.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Locator, expect

from app.core.clock import INDIA
from tests.paper.running import Json
from tests.waiting import until
from tests.web.journeys import at_the_market, signed_in
from tests.web.typing_in import SLOWLY, Fields, Typist

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900)]

SPOT, MOVE = 26_000, 120  # where the synthetic market starts; a move that a feed may believe at once
CALL = {"Action": "Buy", "Kind": "Call (CE)", "Expiry": "Next week", "Strike": "ATM"}
PUT = CALL | {"Kind": "Put (PE)"}


@pytest.fixture(scope="module")
def typist(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Typist]:
    folder = tmp_path_factory.mktemp("builder") / "desk"
    with at_the_market(folder, "beta") as market, signed_in(chromium, market.address) as visitor:
        yield Typist(visitor, market)


@pytest.fixture(autouse=True)
def at_rest(typist: Typist) -> Iterator[None]:
    typist.market.paper.tell("market", name="INDIAVIX", pin=13.4)
    typist.move(SPOT)
    yield
    assert typist.visitor.faults == []


@pytest.fixture(scope="module")
def out_at(typist: Typist) -> str:
    """The page of a run that leaves at a time: begun first, looked at last, so that nobody waits for it alone."""
    soon = f"{datetime.now(INDIA) + timedelta(minutes=3):%H:%M}"
    typist.write(
        "Out in time", CALL | {"Strike": "OTM12"}, accounts={"Alpha": "1"}, Limits={"Out at (India time)": soon}
    )
    return typist.run()


# -- every way to say what is traded, how much and at which price


def legs_of_every_way(day: str) -> list[Fields]:
    """`day` is a listed expiry as a date field takes it."""
    return [
        CALL | {"Expiry": "Current week"},
        PUT | {"Strike": "OTM2", "Lots": "2"},
        CALL | {"Strike": "ITM1", "Expiry": "Current month"},
        CALL | {"Strike": "26300", "Expiry": "N-th expiry", "N": "2"},
        PUT | {"Chosen by": "Premium nearest", "Strike": "100", "Expiry": "Next week"},
        CALL | {"Chosen by": "Premium range, middle", "Strike": "60-140", "Expiry": "N days away or more", "N": "6"},
        CALL | {"Chosen by": "Premium range, first", "Strike": "60-140", "Expiry": "N-th month", "N": "1"},
        PUT | {"Chosen by": "Delta nearest", "Strike": "0.3", "Expiry": "On a date", "Date": day},
        {"Action": "Buy", "Kind": "Future", "Expiry": "Next month", "Product": "MIS"},
        {"Action": "Buy", "Kind": "Symbol", "Exchange": "NSE", "Symbol": "SBIN", "Product": "CNC", "Lots": "10"},
        CALL | {"Strike": "OTM4", "Counted in": "units", "Lots": "130", "Price": "Limit", "Limit": "900"},
        CALL | {"Strike": "OTM5", "Price": "Limit", "Limit": "3", "From": "better than last", "Follow the market": "1",
                "Every s": "1", "Then it": "at market"},
        PUT | {"Action": "Sell", "Strike": "OTM6", "Price": "SL (stop limit)", "Trigger": "4",
               "Trigger counted": "points beyond last", "Limit": "60", "From": "beyond the trigger"},
        PUT | {"Action": "Sell", "Strike": "OTM7", "Price": "SL-M (stop)", "Trigger": "4",
               "Trigger counted": "% beyond last"},
    ]  # fmt: skip


def test_every_way_to_choose_what_is_traded(typist: Typist, out_at: str) -> None:
    days = expiries(typist)
    typist.write("Every way", *legs_of_every_way(f"{days[2]:%Y-%m-%d}"), accounts={"Alpha": "1", "Beta": "2"})
    typist.preview()
    before = {name: len(typist.orders(name)) for name in ("alpha", "beta")}
    typist.start()
    until(lambda: resting(typist, "alpha") == resting(typist, "beta") == ["SL", "SL-M"], 120)
    for name in ("Alpha", "Beta"):
        expect(typist.rows(name)).to_have_count(len(UNITS))
    symbols = [named.get_attribute("title") for named in typist.rows().locator("th span[title]").all()]
    for number, (symbol, fitting) in enumerate(zip(symbols, meant(typist, days), strict=True), 1):
        assert symbol in fitting, f"leg {number}"
    typist.move(SPOT + MOVE)
    filled = [row.locator('td[data-label="Filled"]') for name in ("Alpha", "Beta") for row in typist.rows(name).all()]
    typist.expect_state("Open")
    for cell, units in zip(filled, [*UNITS, *(2 * each for each in UNITS)], strict=True):
        expect(cell).to_have_text(f"{units}/{units}", timeout=SLOWLY)
    for name, times in (("alpha", 1), ("beta", 2)):
        sent = [order for order in typist.orders(name)[before[name] :] if order["filled"]]
        wanted = zip(symbols, UNITS, PRODUCTS, SIDES, strict=True)
        assert sorted((one["symbol"], one["filled"], one["product"], one["action"]) for one in sent) == sorted(
            (symbol, times * units, product, side) for symbol, units, product, side in wanted
        )
        assert {"LIMIT", "SL", "SL-M", "MARKET"} == {one["pricetype"] for one in sent}
    typist.exit_all()


UNITS = [65, 130, 65, 65, 65, 65, 65, 65, 65, 10, 130, 65, 65, 65]
PRODUCTS = ["NRML"] * 8 + ["MIS", "CNC"] + ["NRML"] * 4
SIDES = ["BUY"] * 12 + ["SELL"] * 2


def resting(typist: Typist, broker: str) -> list[str]:
    return sorted(order["pricetype"] for order in typist.orders(broker) if order["status"] == "trigger pending")


def expiries(typist: Typist) -> list[datetime]:
    answer = typist.market.paper["alpha"].call("expiry", symbol="NIFTY", exchange="NFO", instrumenttype="options")[1]
    return [datetime.strptime(day, "%d-%b-%y").replace(tzinfo=INDIA) for day in answer["data"]]


def meant(typist: Typist, days: list[datetime]) -> list[set[str]]:
    """By leg the contracts that are right, as the broker's own chains and prices tell."""
    week, second, third = (Chain(typist, day) for day in days[:3])
    month = Chain(typist, max(day for day in days if day.month == days[0].month))
    later = Chain(typist, next(day for day in days if (day.date() - datetime.now(INDIA).date()).days >= 6))
    future = typist.market.paper["alpha"].call("expiry", symbol="NIFTY", exchange="NFO", instrumenttype="futures")[1]
    return [
        week.labelled("ce", "ATM"), second.labelled("pe", "OTM2"), month.labelled("ce", "ITM1"),
        {f"NIFTY{days[1]:%d%b%y}26300CE".upper()}, second.nearest("pe", "ltp", 100), later.nearest("ce", "ltp", 100),
        month.first("ce", 60, 140), third.nearest("pe", "delta", -0.3),
        {f"NIFTY{future['data'][1].replace('-', '')}FUT"}, {"SBIN"}, second.labelled("ce", "OTM4"),
        second.labelled("ce", "OTM5"), second.labelled("pe", "OTM6"), second.labelled("pe", "OTM7"),
    ]  # fmt: skip


class Chain:
    """What a broker lists of an expiry."""

    def __init__(self, typist: Typist, day: datetime) -> None:
        asked = {"underlying": "NIFTY", "exchange": "NSE_INDEX", "expiry_date": f"{day:%d%b%y}".upper()}
        answer = typist.market.paper["alpha"].call("optionchain", strike_count=40, with_greeks=True, **asked)[1]
        self.rows: list[Json] = answer["chain"]

    def labelled(self, kind: str, label: str) -> set[str]:
        return {row[kind]["symbol"] for row in self.rows if row[kind]["label"] == label}

    def nearest(self, kind: str, what: str, wanted: float) -> set[str]:
        """The nearest, and what is as near but for a last digit of a price that moved since."""
        away = {row[kind]["symbol"]: abs(row[kind][what] - wanted) for row in self.rows}
        return {symbol for symbol, each in away.items() if each <= min(away.values()) + abs(wanted) / 100}

    def first(self, kind: str, low: float, high: float) -> set[str]:
        """The first from the money, on either side of it; and the next one, where a price lies at the edge of the range
        and may have moved since."""
        money = next(row["strike"] for row in self.rows if row[kind]["label"] == "ATM")
        found: set[str] = set()
        for edge in (0.97, 1.0, 1.03):
            within = {
                row[kind]["symbol"]: abs(row["strike"] - money)
                for row in self.rows
                if low <= row[kind]["ltp"] <= high * edge
            }
            found |= {symbol for symbol, away in within.items() if away == min(within.values())}
        return found


# -- what leaves a leg


def test_each_leg_leaves_by_its_own_rule_and_says_which(typist: Typist) -> None:
    (near,) = (row["pe"] for row in Chain(typist, expiries(typist)[1]).rows if row["pe"]["label"] == "OTM1")
    cost = "Stop to cost after a gain of"
    typist.write(
        "Rules of legs",
        CALL | {"Leg stop": "20"},
        CALL | {"Strike": "OTM1", "Leg target": "15", "Target counted": "% of entry"},
        PUT | {"Leg stop": "15", "Stop counted": "% of entry"},
        PUT | {"Strike": "OTM1", "Leg target": str(round(near["ltp"]) + 30), "Target counted": "at the price"},
        CALL | {"Strike": "OTM2", "Leg stop": "60", "Stop counted": "underlying, points"},
        PUT | {"Strike": "OTM2", "Leg target": str(SPOT - 100), "Target counted": "underlying, at"},
        CALL | {"Strike": "OTM3", "Stop trails by": "15"},
        CALL | {"Strike": "OTM4", cost: "20"},
        CALL | {"Strike": "OTM5", "Leg stop": "1500", "Stop counted": "in currency"},
        accounts={"Alpha": "1"},
    )
    typist.run()
    rows = typist.rows()
    typist.move(SPOT + MOVE)
    expect_left(rows, {1: "target", 2: "stop"})
    for number in (6, 7):
        expect(profit(rows.nth(number))).to_contain_text("+₹", timeout=SLOWLY)
    typist.move(SPOT + 40)
    expect_left(rows, {6: "trailing stop"})
    typist.move(SPOT - MOVE)
    expect_left(
        rows, {0: "stop", 3: "target", 4: "underlying stop", 5: "underlying target", 7: "break-even stop", 8: "stop"}
    )
    typist.expect_state("Closed")


def test_a_stop_and_a_target_rest_at_the_broker_that_keeps_them_and_the_desk_holds_them_elsewhere(
    typist: Typist,
) -> None:
    leg = CALL | {"Leg stop": "20", "Leg target": "25", "Held": "at the broker, if it can"}
    typist.write("Kept there", leg, accounts={"Alpha": "1", "Beta": "1"})
    typist.run()
    alpha, beta = typist.rows("Alpha"), typist.rows("Beta")
    expect(beta).to_contain_text(re.compile(r"At the broker: stop [\d.]+, target [\d.]+"), timeout=SLOWLY)
    expect(alpha).to_contain_text("Held by the desk: GTT orders are not supported by alpha", timeout=SLOWLY)
    assert len(typist.market.paper["beta"].call("gttorderbook")[1]["data"]) == 1
    typist.move(SPOT + MOVE)
    expect_left(beta, {0: "target: it rested at the broker"})
    expect_left(alpha, {0: "target"})
    typist.expect_state("Closed")
    assert typist.market.paper["beta"].call("gttorderbook")[1]["data"] == []


def expect_left(rows: Locator, rules: dict[int, str]) -> None:
    for place, rule in rules.items():
        expect(rows.nth(place)).to_contain_text(f"Exit: {rule}", timeout=SLOWLY)
        expect(rows.nth(place).locator('td[data-label="Exited"]')).to_contain_text("65", timeout=SLOWLY)


def profit(row: Locator) -> Locator:
    return row.locator('td[data-label="P&L"]')


# -- what leaves a run

UPWARDS = {
    "premium target": {"Target of the premium": "20"},
}
ON_THE_WAY_BACK = {
    "trailing stop, locked": {"Once the profit was": "3000", "keep at least": "1500"},
}
DOWNWARDS = {
    "stop": {"Reckoned over": "Each account by itself, amounts times its multiplier", "Stop at a loss of": "1500"},
    "premium stop": {"Stop of the premium": "10", "Premium stop counted": "% from entry"},
    "underlying level": {"Out at or below": str(SPOT - 60)},
}


def test_copies_of_a_strategy_leave_by_their_own_limits_in_all_accounts(typist: Typist) -> None:
    before = len(typist.orders("beta"))
    typist.write("Bounds", CALL, accounts={"Alpha": "1", "Beta": "2"})
    typist.save()
    typist.edit("Bounds")
    original = typist.page.url
    runs = {name: copied(typist, original, name, fields) for name, fields in RULES.items()}
    expect(profit(typist.rows().first)).to_contain_text("₹", timeout=SLOWLY)
    for spot, rules in ((SPOT + MOVE, UPWARDS), (SPOT + 10, ON_THE_WAY_BACK), (SPOT - MOVE, DOWNWARDS)):
        typist.move(spot)
        for name in rules:
            expect_left_by(typist, runs[name], name.partition(",")[0])
    sent = [(order["action"], order["filled"]) for order in typist.orders("beta")[before:]]
    assert sorted(sent) == [("BUY", 130)] * len(runs) + [("SELL", 130)] * len(runs)


RULES: dict[str, dict[str, str]] = UPWARDS | ON_THE_WAY_BACK | DOWNWARDS


def copied(typist: Typist, original: str, name: str, fields: Fields) -> str:
    typist.page.goto(original)
    typist.page.get_by_role("button", name="Copy").click()
    expect(typist.page.get_by_text("This is the copy")).to_be_visible()
    typist.name(name)
    typist.section("Limits", fields)
    return typist.run()


def expect_left_by(typist: Typist, run: str, rule: str) -> None:
    typist.page.goto(run)
    typist.expect_state("Closed")
    table = typist.page.get_by_role("table", name="What touched a limit")
    expect(table.get_by_role("cell", name=re.compile(f"^{rule}$", re.IGNORECASE)).first).to_be_visible()


# -- legs that are entered later


def test_legs_wait_and_come_again(typist: Typist) -> None:
    before = len(typist.orders("alpha"))
    typist.write(
        "Later",
        CALL | {"Leg stop": "20", "Enter again, times": "1", "How": "at once, at market"},
        CALL | {"Strike": "OTM1", "Leg stop": "20", "Enter again, times": "1", "How": "at its first entry price"},
        PUT | {"Strike": "OTM1", "Wait for a move of": "5", "Move counted": "%", "Its price goes": "up"},
        accounts={"Alpha": "1"},
    )
    typist.run()
    rows = typist.rows()
    expect(rows.filter(has_text="counted from")).to_have_count(1, timeout=SLOWLY)
    typist.move(SPOT - MOVE)
    for words in (
        "entered again after its stop",
        "its first entry price",
        r"Entered when NFO:NIFTY\w+ was at or above",
    ):
        expect(rows.filter(has_text=re.compile(words))).to_have_count(1, timeout=SLOWLY)
    typist.move(SPOT + 20)
    expect(rows.filter(has_text=re.compile("Entry 2: entered when NFO:NIFTY"))).to_have_count(1, timeout=SLOWLY)
    until(lambda: bought(typist, before) == [65] * 5, 60)
    typist.exit_all()


def bought(typist: Typist, before: int) -> list[int]:
    """What was filled of each order that bought, after so many orders."""
    return [order["filled"] for order in typist.orders("alpha")[before:] if order["action"] == "BUY"]


def test_a_leg_is_entered_once_its_underlying_leaves_its_range(typist: Typist) -> None:
    if f"{datetime.now(INDIA):%H:%M}" < "00:40":
        pytest.skip("a range that is over lies in the day before")
    starts = datetime.now(INDIA).replace(second=0, microsecond=0) - timedelta(minutes=20)
    ends = starts + timedelta(minutes=18)
    high = high_between(typist, starts, ends)
    typist.move(int(high) - 20)
    times = {"Range starts": f"{starts:%H:%M}", "Range ends": f"{ends:%H:%M}", "Enter": "above the high"}
    typist.write("Range", PUT, CALL | times, accounts={"Alpha": "1"})
    typist.run()
    late = typist.rows().nth(1)
    expect(late).to_contain_text(f"Waits for NSE_INDEX:NIFTY above {high}, the high of {starts:%H:%M}", timeout=SLOWLY)
    typist.move(int(high) + 20)
    expect(late).to_contain_text(f"Entered when NSE_INDEX:NIFTY was above {high}", timeout=SLOWLY)
    expect(late.locator('td[data-label="Filled"]')).to_have_text("65/65", timeout=SLOWLY)
    typist.exit_all()


def high_between(typist: Typist, starts: datetime, ends: datetime) -> Decimal:
    """Of NIFTY, as the broker's own candles tell."""
    asked = {"symbol": "NIFTY", "exchange": "NSE_INDEX", "interval": "1m"}
    days = {"start_date": f"{starts:%Y-%m-%d}", "end_date": f"{ends:%Y-%m-%d}"}
    candles = typist.market.paper["alpha"].call("history", **asked, **days)[1]["data"]
    inside = [one for one in candles if starts.timestamp() <= one["timestamp"] < ends.timestamp()]
    return max(Decimal(str(one["high"])) for one in inside)


# -- templates, files, versions, sizes


def test_templates_files_and_versions_end_in_runs_and_sizes_are_told(typist: Typist, out_at: str) -> None:
    page = typist.page
    page.goto("/strategies/templates")
    page.get_by_label("Expiry", exact=True).select_option("next_week")
    page.get_by_label("Lots", exact=True).fill("2")
    page.get_by_role("button", name="Use Bear put spread").click()
    typist.name("Shipped")
    typist.share({"Alpha": "1"})
    run = typist.run()
    change_and_restore(typist, run)
    import_and_run(typist, export(typist))
    save_and_use_template(typist)
    typist.page.goto(out_at)
    typist.expect_state("Closed", 4 * SLOWLY)
    expect(page.get_by_text(re.compile("^time")).first).to_be_visible()
    assert not typist.held("alpha") and not typist.held("beta")


def change_and_restore(typist: Typist, run: str) -> None:
    """While it runs: another version, and the first one again; the run knows nothing of either."""
    page = typist.page
    typist.edit("Shipped")
    typist.leg(0, {"Lots": "5"})
    typist.save()
    typist.edit("Shipped")
    page.get_by_role("link", name="Version 2").click()
    page.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("Version 1 is in force again, as a new version.")).to_be_visible()
    page.goto(run)
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()
    for row in typist.rows().all():
        expect(row.locator('td[data-label="Filled"]')).to_have_text("130/130")
    typist.exit_all()


def export(typist: Typist) -> str:
    typist.edit("Shipped")
    with typist.page.expect_download() as waiting:
        typist.page.get_by_role("link", name="Export").click()
    return str(waiting.value.path())


def import_and_run(typist: Typist, path: str) -> None:
    page = typist.page
    page.goto("/strategies/import")
    page.get_by_label("File").set_input_files(path)
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Imported; nothing runs before you say so.")).to_be_visible()
    typist.name("Taken in")
    typist.run()
    typist.exit_all()


def save_and_use_template(typist: Typist) -> None:
    page = typist.page
    typist.edit("Taken in")
    page.get_by_role("button", name="Save as template").click()
    page.get_by_role("link", name="Use Taken in").click()
    typist.share({"Alpha": "1", "Beta": "1"})
    typist.name("Sized")
    typist.section(
        "Size", {"Lots of an account": "A budget for the premium that is paid", "Budget of an account": "150000"}
    )
    page.get_by_label("Most lots of Beta").fill("1")
    typist.preview()
    parts = page.get_by_role("region", name="Accounts")
    expect(parts.get_by_role("row", name="Beta")).to_contain_text("capped by the account's most of 1 lot")
    before = {name: len(typist.orders(name)) for name in ("alpha", "beta")}
    typist.start()
    typist.expect_state("Open")
    alpha, beta = ([order["filled"] for order in typist.orders(name)[before[name] :]] for name in ("alpha", "beta"))
    assert beta == [65, 65]
    assert len(set(alpha)) == 1 and alpha[0] > 65
    typist.exit_all()
