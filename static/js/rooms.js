// Parts of a page that fetch themselves again when the server says their room changed:
// <div data-room="orders positions:12" hx-get="…" hx-trigger="refresh" hx-swap="morph:outerHTML">.

const DEBOUNCE = 150;
const BUSY_RETRY = 1000;
const waiting = new Set();
let timer = 0;

/** Refresh every element of the named rooms, once for a burst of changes; null means all of them. */
export function refreshRooms(names = null) {
  if (names) names.forEach((name) => waiting.add(name));
  else allRooms().forEach((element) => roomsOf(element).forEach((name) => waiting.add(name)));
  clearTimeout(timer);
  timer = setTimeout(refreshNow, DEBOUNCE);
}

const allRooms = () => document.querySelectorAll("[data-room]");
const roomsOf = (element) => element.dataset.room.split(/\s+/).filter(Boolean);

function refreshNow() {
  const names = new Set(waiting);
  waiting.clear();
  for (const element of allRooms()) {
    const due = roomsOf(element).filter((name) => names.has(name));
    if (!due.length) continue;
    if (busy(element)) due.forEach((name) => waiting.add(name));
    else window.htmx.trigger(element, "refresh");
  }
  if (waiting.size) timer = setTimeout(refreshNow, BUSY_RETRY);
}

/** A person is typing in it, has ticked rows, answers its dialog or chooses from its menu: the change waits. */
function busy(element) {
  const focused = element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
  return focused || element.querySelector("dialog[open], :popover-open, form[data-sending], [data-selects]:checked") !== null;
}

/** A fresh copy from the server never shuts what a person has opened. */
export function keepOpenThings() {
  if (!window.Idiomorph) return;
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !(name === "open" && node.matches("details, dialog"));
}
