"""A person who types strategies into the builder, runs them from their preview, and reads the page of the run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.paper.running import Json
from tests.web.journeys import Market
from tests.web.visitor import PATIENCE, Visitor

Fields = Mapping[str, str]
SLOWLY = 2 * PATIENCE  # ms: a run that goes through several waves
NOT_FRESH = re.compile("(has|have) (no|a) fresh|is not known freshly|that can be trusted now")


def put(box: Locator, value: str) -> None:
    """Into a field that may stand in a fold; of a choice the words that are seen."""
    box.wait_for(state="attached")
    if not box.is_visible():
        box.locator("xpath=ancestor::details[not(@open)]/summary").click()
    if box.evaluate("box => box.tagName") == "SELECT":
        box.select_option(label=value)
    elif box.get_attribute("type") == "checkbox":
        box.check()
    else:
        box.fill(value)


def until_previewed(page: Page, done: Locator) -> None:
    """On a busy machine a price may not be fresh: then a person asks again."""
    vain = page.get_by_text(NOT_FRESH)
    for _ in range(10):
        expect(done.or_(vain).first).to_be_visible(timeout=SLOWLY)
        if done.is_visible():
            return
        before = page.url
        page.get_by_role("button", name="Preview again").click()
        page.wait_for_url(lambda url, before=before: url != before)
        page.wait_for_timeout(1000)
    expect(done).to_be_visible()


@dataclass(frozen=True)
class Typist:
    visitor: Visitor
    market: Market

    @property
    def page(self) -> Page:
        return self.visitor.page

    # -- the builder

    def write(self, name: str, *legs: Fields, accounts: Fields | None = None, **sections: Fields) -> None:
        """A new strategy, as far as its form; `accounts` are names and multipliers, sections are by their heading."""
        self.page.goto("/strategies/new")
        self.name(name)
        for place, leg in enumerate(legs):
            if place:
                self.page.get_by_role("button", name="Add a leg").click()
            self.leg(place, leg)
        self.share(accounts or {"Alpha": "1", "Beta": "1"})
        for heading, fields in sections.items():
            self.section(heading, fields)

    def name(self, name: str) -> None:
        self.page.get_by_role("textbox", name="Name", exact=True).fill(name)

    def leg(self, place: int, fields: Fields) -> None:
        row = self.page.locator("#legs > tr").nth(place)
        for label, value in fields.items():
            put(row.get_by_label(label, exact=True), value)

    def share(self, accounts: Fields) -> None:
        for name, multiplier in accounts.items():
            self.page.get_by_role("checkbox", name=name, exact=True).check()
            self.page.get_by_label(f"Multiplier of {name}").fill(multiplier)

    def section(self, heading: str, fields: Fields) -> None:
        panel = self.page.get_by_role("region", name=heading, exact=True)
        for label, value in fields.items():
            put(panel.get_by_label(label, exact=True), value)

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).last.click()
        expect(self.page.get_by_role("heading", name="Strategies")).to_be_visible()

    def edit(self, name: str) -> None:
        self.page.goto("/strategies")
        self.page.get_by_role("link", name=f"Edit {name}", exact=True).click()
        self.page.wait_for_url(re.compile("/edit"))

    # -- its preview and its run

    def preview(self) -> None:
        self.page.get_by_role("button", name="Save and preview a run").click()
        until_previewed(self.page, self.page.get_by_role("button", name=re.compile("^Run: send")))

    def start(self) -> str:
        """From the preview to the page of the run, once it was taken up; its address."""
        self.page.get_by_role("button", name=re.compile("^Run: send")).click()
        self.page.wait_for_url(re.compile("/runs/"))
        return self.page.url

    def run(self) -> str:
        self.preview()
        url = self.start()
        self.expect_state("Open")
        return url

    def expect_state(self, word: str, timeout: float = SLOWLY) -> None:
        expect(self.page.locator("#run").get_by_role("status").first).to_have_text(word, timeout=timeout)

    def rows(self, account: str = "Alpha") -> Locator:
        """The legs of an account."""
        return self.page.get_by_role("table", name=f"Legs in {account}").locator("tbody tr")

    def exit_all(self) -> None:
        self.page.get_by_role("link", name=re.compile("^Exit all")).click()
        self.page.get_by_role("dialog").get_by_role("button", name=re.compile("^Exit ")).click()
        self.expect_state("Closed")

    # -- the market

    def move(self, spot: int) -> None:
        self.market.paper.tell("market", name="NIFTY", pin=spot)

    def orders(self, broker: str) -> list[Json]:
        return self.market.paper.books(broker)["orders"]

    def held(self, broker: str) -> list[Json]:
        """What the broker says is not flat."""
        return [row for row in self.market.paper.books(broker)["positions"] if row["quantity"]]
