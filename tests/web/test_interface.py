"""The parts of the interface in a real Chromium, under the desk's own content policy: what people see and press."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.waiting import until
from tests.web.gallery import BEAT, MS, Gallery, served

pytestmark = pytest.mark.browser

AXE = (Path(__file__).resolve().parents[1] / "vendor/axe.min.js").read_text(encoding="utf-8")
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"


@pytest.fixture
def gallery(page: Page) -> Iterator[Gallery]:
    """The gallery, open in the page and live: its first beat has come."""
    with served() as (address, gallery):
        gallery.address = address
        page.goto(address)
        expect(page.locator("html")).to_have_attribute("data-live", "on")
        yield gallery
        page.goto("about:blank")


def faults_of(page: Page) -> list[str]:
    page.evaluate("document.activeElement.closest('dialog') || (document.activeElement.blur(), scrollTo(0, 0))")
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")["violations"]
    return [f"{each['id']}: {node['target']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize("width", [1280, 900, 390])
@pytest.mark.parametrize(
    "look", ["theme=dark", "theme=light", "theme=light&palette=blue-orange&density=compact&mode=mixed"]
)
def test_nobody_is_kept_out_and_nothing_runs_over_the_edge(page, gallery, look, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{gallery.address}/?{look}&said=1")
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_a_sign_in_page_keeps_nobody_out(page, gallery):
    for theme in ("dark", "light"):
        page.goto(f"{gallery.address}/plain?theme={theme}")
        assert faults_of(page) == []


def test_the_page_fits_320_pixels(page, gallery):
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_paper_is_said_in_the_title_and_on_the_page(page, gallery):
    expect(page).to_have_title("PAPER · Gallery · Mirrordesk")
    expect(page.locator(".topbar .mode")).to_have_text("PAPER")
    page.goto(f"{gallery.address}/?mode=live")
    expect(page).to_have_title("Gallery · Mirrordesk")


def test_a_tick_changes_its_cell_and_nothing_announces_it(page, gallery):
    cell = page.locator('[data-cell="pnl:day"]')
    gallery.send("tick", {"pnl:day": {"t": "▼ −₹1.00", "s": "down", "at": MS}, "ltp:1": "189.10", "nowhere": "1"})
    expect(cell).to_have_text("▼ −₹1.00")
    expect(cell).to_have_attribute("data-state", "down")
    expect(page.locator('[data-cell="ltp:1"]')).to_have_text("189.10")
    assert cell.evaluate("cell => cell.closest('[aria-live], [role=status], [role=alert]')") is None


def test_an_old_figure_is_muted_and_says_its_age(page, gallery):
    stale, from_45_on = page.locator('[data-cell="ltp:3"]'), re.compile("^(4[5-9]|5[0-9])\u00a0s$|min$")
    expect(stale).to_have_attribute("data-stale", from_45_on)
    gallery.send("tick", {"ltp:3": {"t": "1,290.00", "s": "up"}})
    expect(stale).not_to_have_attribute("data-stale", from_45_on)


def test_without_a_beat_the_page_says_since_when_it_is_frozen(page, gallery):
    page.clock.install()
    page.goto(gallery.address)
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    page.clock.run_for(14_000)
    expect(page.locator("html")).to_have_attribute("data-live", "off")
    expect(page.get_by_text("figures are frozen").first).to_contain_text("Not live since ")
    expect(page.locator("[data-feed-badge]")).to_have_attribute("data-state", "off")
    gallery.send("beat", BEAT)
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    expect(page.locator("#live-banner")).to_be_empty()


def test_pausing_shuts_the_stream_and_resuming_fetches_what_was_missed(page, gallery):
    toggle = page.locator("[data-live-toggle]")
    toggle.click()
    expect(page.locator("#live-banner")).to_contain_text("Paused at ")
    expect(toggle).to_have_attribute("aria-pressed", "true")
    toggle.click()
    expect(page.locator("#room")).to_contain_text("Asked 1 times")


def test_a_burst_of_changes_is_one_refresh(page, gallery):
    gallery.send("changed", ["orders"], ["orders", "positions:12"], ["elsewhere"])
    expect(page.locator("#room")).to_contain_text("Asked 1 times")
    gallery.send("changed", None)
    expect(page.locator("#room")).to_contain_text("Asked 2 times")


def test_a_room_is_refreshed_while_changes_keep_coming_but_not_for_each(page, gallery):
    def keeps_changing() -> bool:
        gallery.send("changed", ["elsewhere"], ["orders"])
        return gallery.asked >= 4

    until(keeps_changing, every=0.05)
    expect(page.locator("#room")).to_contain_text(re.compile("Asked [4-9] times"))
    begun = page.evaluate("performance.getEntriesByName(`${location.origin}/room`).map((one) => one.startTime)")
    assert min(later - sooner for sooner, later in pairwise(begun)) > 140


def test_a_change_that_comes_while_its_room_is_being_fetched_is_not_lost(page, gallery):
    gallery.answers.clear()
    gallery.send("changed", ["orders"])
    until(lambda: gallery.asked == 1)
    gallery.send("changed", ["orders"])
    gallery.send("tick", {"ltp:1": "190.00"})
    expect(page.locator('[data-cell="ltp:1"]')).to_have_text("190.00")
    gallery.answers.set()
    expect(page.locator("#room")).to_contain_text("Asked 2 times")


@pytest.mark.parametrize("status", [429, 503])
def test_a_room_that_was_refused_looks_late_says_so_and_is_asked_for_until_it_comes(page, gallery, status):
    room = page.locator("#room")
    gallery.refusals = [status, status]
    gallery.send("changed", ["orders"])
    expect(room).to_have_attribute("data-late", "")
    assert room.evaluate("room => getComputedStyle(room).color !== getComputedStyle(room.parentElement).color")
    expect(page.get_by_role("status").filter(has_text="could not be refreshed")).to_have_count(1)
    expect(room).to_contain_text("Asked 3 times", timeout=30_000)
    expect(room).not_to_have_attribute("data-late", "")


def test_a_room_whose_connection_was_cut_is_asked_for_again(page, gallery):
    page.route("**/room", lambda route: route.abort(), times=1)
    gallery.send("changed", ["orders"])
    expect(page.locator("#room")).to_have_attribute("data-late", "")
    expect(page.locator("#room")).to_contain_text("Asked 1 times", timeout=30_000)
    expect(page.locator("#room")).not_to_have_attribute("data-late", "")


def test_changes_do_not_hurry_a_room_that_was_refused(page, gallery):
    page.clock.install()
    page.goto(gallery.address)
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    page.clock.pause_at(page.evaluate("new Date(Date.now() + 10_000).toISOString()"))
    gallery.refusals = [503, 503]
    gallery.send("changed", ["orders"])
    until(lambda: page.clock.run_for(50) or gallery.asked)
    expect(page.locator("#room")).to_have_attribute("data-late", "")
    gallery.send("changed", ["orders"])
    gallery.send("tick", {"ltp:1": "190.00"})
    expect(page.locator('[data-cell="ltp:1"]')).to_have_text("190.00")
    page.clock.run_for(1000)
    assert gallery.asked == 1
    page.clock.run_for(3000)
    until(lambda: gallery.asked == 2)


def test_a_room_that_is_gone_is_not_asked_for_again(page, gallery):
    page.clock.install()
    page.goto(gallery.address)
    expect(page.locator("html")).to_have_attribute("data-live", "on")
    gallery.refusals = [404]
    gallery.send("changed", ["orders"])
    expect(page.locator("#room")).to_have_attribute("data-late", "")
    page.clock.run_for(11_000)
    assert gallery.asked == 1
    gallery.send("changed", ["orders"])
    expect(page.locator("#room")).to_contain_text("Asked 2 times")


def test_a_room_waits_while_someone_types_in_it(page, gallery):
    note = page.get_by_label("Note")
    note.fill("half a sen")
    gallery.send("changed", ["orders"])
    gallery.send("tick", {"ltp:1": "190.00"})
    expect(page.locator('[data-cell="ltp:1"]')).to_have_text("190.00")
    assert gallery.asked == 0
    note.blur()
    expect(page.locator("#room")).to_contain_text("Asked 1 times")


def test_a_notice_is_a_toast_whose_link_stays_on_the_desk(page, gallery):
    gallery.send("notice", {"level": "ok", "text": "Filled 150", "link": "/orders"})
    gallery.send("notice", {"level": "error", "text": "Rejected", "link": "https://elsewhere.example"})
    toasts = page.get_by_role("status").filter(has_text="Filled 150")
    toasts.get_by_role("link").focus()  # it stays while the focus is on it
    expect(toasts.get_by_role("link")).to_have_attribute("href", "/orders")
    expect(page.locator(".toast", has_text="Rejected").get_by_role("link")).to_have_count(0)
    page.locator(".toast", has_text="Rejected").get_by_label("Close").dispatch_event("click")
    expect(page.locator(".toast")).to_have_count(1)


def test_a_dialog_asks_first_and_gives_the_focus_back(page, gallery):
    opener = page.get_by_role("button", name="Exit all…")
    opener.focus()
    opener.press("Enter")
    expect(page.get_by_role("dialog", name="Exit 4 positions in 3 accounts?")).to_be_visible()
    expect(page.locator("#exit-all").get_by_role("button", name="Cancel")).to_be_focused()
    assert faults_of(page) == []
    page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    assert gallery.posted == []
    opener.click()
    page.get_by_role("button", name="Exit 4 positions").click()
    until(lambda: gallery.posted)
    assert gallery.posted == [("/risk/kill", {"csrf_token": "token", "intent_id": "i-1"})]


def test_a_double_click_sends_a_form_once(page, gallery):
    page.get_by_label("Lots").first.fill("2")
    page.evaluate("""() => {
        const button = document.querySelector("#sample [type=submit]");
        button.click();
        button.click();
    }""")
    until(lambda: gallery.posted)
    expect(page.locator("#sample [type=submit]")).to_have_text("Save")
    assert len(gallery.posted) == 1


def test_the_first_wrong_field_has_the_focus(page, gallery):
    expect(page.locator('#sample [name="lots"]')).to_be_focused()


def test_legs_are_added_and_removed_with_names_of_their_own(page, gallery):
    page.get_by_role("button", name="Add a leg").click()
    expect(page.locator('[name="legs-2-side"]')).to_be_focused()
    page.get_by_label("Remove this leg").nth(1).click()
    page.get_by_role("button", name="Add a leg").click()
    names = page.locator("#legs select[aria-label=Side]").evaluate_all("all => all.map(one => one.name)")
    assert names == ["legs-0-side", "legs-2-side", "legs-3-side"]


def test_a_look_shows_at_once_and_is_stored(page, gallery):
    page.get_by_role("button", name="Asha Rao: appearance and sign-out").click()
    page.get_by_label("Theme").select_option("light")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    until(lambda: gallery.posted)
    stored = {"csrf_token": "token", "theme": "light", "palette": "green-red", "density": "comfortable", "keys": "on"}
    assert gallery.posted == [("/settings", stored)]


def test_keys_go_places_but_never_out_of_a_field(page, gallery):
    page.locator('#sample [name="label"]').press("g")
    page.keyboard.press("o")
    expect(page.locator('#sample [name="label"]')).to_have_value("goEvening condor")
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Name, expiry, strike")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url("**/orders")


def test_keys_can_be_switched_off(page, gallery):
    page.goto(f"{gallery.address}/?keys=off")
    page.locator("main").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_on_a_phone_everything_is_under_the_thumb(page, gallery):
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="More", exact=True).click()
    expect(page.get_by_role("navigation", name="All pages").get_by_role("link", name="Audit")).to_be_visible()
    assert faults_of(page) == []
