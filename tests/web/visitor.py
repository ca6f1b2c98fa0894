"""A person at a real browser: what goes wrong in any of their tabs is noted, and every page can be looked at closely.

With MIRRORDESK_SHOTS naming a folder, a picture of each look is kept there.
"""

from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from tests.asked import SHOTS

AXE = (Path(__file__).resolve().parents[1] / "vendor/axe.min.js").read_text(encoding="utf-8")
RULES = "{type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
OF_COLOURS = "{type: 'rule', values: ['color-contrast', 'link-in-text-block']}"  # a theme changes nothing but colours
LOOKS = [(theme, width) for width in (1280, 390) for theme in ("dark", "light")]
PATIENCE = 30_000  # ms: the machine may be busy with other tests
expect.set_options(timeout=PATIENCE)
HEIGHT = 844
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return "";
  const out = [...document.querySelectorAll("body *")].filter((each) => each.getBoundingClientRect().right > width + 1);
  return out.slice(-3).map((each) => each.outerHTML.slice(0, 80)).join(" | ") || "something unseen";
}"""
MOST_TABS = 80  # presses of the tab key


class Visitor:
    def __init__(self, browser: Browser, address: str) -> None:
        self.address = address
        self.faults: list[str] = []
        self.seen: list[str] = []
        self.context = browser.new_context(
            base_url=address, viewport={"width": 1280, "height": HEIGHT}, locale="en-GB", reduced_motion="reduce"
        )
        self.context.set_default_timeout(PATIENCE)
        self.page = self.new_tab()

    def new_tab(self) -> Page:
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", self._note)
        page.on("request", self._check)
        return page

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.location.get('url')}: {message.text}")

    def _check(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "about:")):
            self.faults.append(f"a request left for {request.url}")

    # -- looking

    def look(self, name: str) -> None:
        """The page as it is now keeps nobody out and runs over no edge, in both themes, on a desk and on a phone."""
        page = self.page
        page.wait_for_load_state()
        page.evaluate("document.activeElement?.closest('dialog') || (document.activeElement?.blur(), scrollTo(0, 0))")
        page.evaluate(AXE)
        for theme, width in LOOKS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            self._judge(f"{name}-{width}-{theme}", RULES if theme == "dark" else OF_COLOURS)
        page.set_viewport_size({"width": 1280, "height": HEIGHT})
        self.seen.append(name)

    def _judge(self, name: str, rules: str) -> None:
        found = self.page.evaluate(f"axe.run(document, {{runOnly: {rules}, resultTypes: ['violations']}})")
        found = [f"{each['id']}: {node['target']}" for each in found["violations"] for node in each["nodes"]]
        over = self.page.evaluate(TOO_WIDE)
        self.faults += [f"{name}: {each}" for each in found] + ([f"{name}: too wide: {over}"] if over else [])
        if SHOTS:
            self.page.screenshot(
                path=Path(SHOTS) / f"{name}.png", full_page=True, caret="initial"
            )  # hiding it breaks the policy

    # -- what stays must not have been loaded again

    def mark(self) -> None:
        self.page.evaluate("window.staysTheSame = true")

    def assert_not_loaded_again(self) -> None:
        assert self.page.evaluate("window.staysTheSame") is True

    def see_it_move(self, cell: Locator) -> None:
        """A figure changes while the page stands still."""
        self.mark()
        before = cell.text_content()
        expect(cell).not_to_have_text(before)
        self.assert_not_loaded_again()

    # -- by keyboard alone

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, name: str) -> None:
        """Press the tab key until what has the focus is called `name`; each stop on the way must be visible."""
        self.page.wait_for_load_state()
        for _ in range(MOST_TABS):
            self.press("Tab")
            focused = self.page.evaluate(
                "(one => [one.ariaLabel || one.textContent.trim(), one.checkVisibility()])(document.activeElement)"
            )
            assert focused[1], f"the focus stands on {focused[0]}, which nobody sees"
            if focused[0].startswith(name):
                return
        raise AssertionError(f"no way to {name} by the tab key")

    def close(self) -> None:
        self.context.close()
