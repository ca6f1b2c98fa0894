// Payoffs: fetched anew while prices move, and read at a price with the slider or by pointing at the drawing.
// #payoff holds [data-payoff-group]s; each has a [data-payoff-place] slider over the rows of its table, whose
// [data-place] says where a row is on the drawing, in thousandths of its width.

const EVERY = 2000; // ms, gentle: everybody who looks has the engine work
const WAITING = 1500; // for prices that were just asked for
const root = () => document.getElementById("payoff");
const chosen = new Map(); // by group, the price that is read
let askedAt = 0;

function refresh() {
  const panel = root();
  if (!panel || document.hidden || Date.now() - askedAt < EVERY) return;
  const { top, bottom } = panel.getBoundingClientRect();
  if (bottom < 0 || top > innerHeight) return;
  askedAt = Date.now();
  window.htmx.trigger(panel, "refresh");
}

const rowsOf = (group) => [...group.querySelectorAll("tr[data-place]")];

/** What the row says, in words, with a line on the drawing. */
function read(group, number) {
  const row = rowsOf(group)[number];
  if (!row) return;
  const [price, now, expiry] = [...row.cells].map((one) => one.textContent.trim());
  const slider = group.querySelector("[data-payoff-place]");
  const words = `At ${price}: now ${now}, at expiry ${expiry}`;
  slider.value = number;
  slider.setAttribute("aria-valuetext", words);
  group.querySelector("output").textContent = words;
  for (const line of group.querySelectorAll("[data-payoff-line]")) {
    line.setAttribute("x1", row.dataset.place);
    line.setAttribute("x2", row.dataset.place);
  }
}

function choose(group, number) {
  chosen.set(group.dataset.payoffGroup, priceOf(rowsOf(group)[number]));
  read(group, number);
}

/** Nobody else hears of it: the form that the slider may stand in has not changed. */
function slid(event) {
  if (!event.target.matches("[data-payoff-place]")) return;
  event.stopPropagation();
  choose(event.target.closest("[data-payoff-group]"), Number(event.target.value));
}

const priceOf = (row) => Number(row?.cells[0].textContent.replaceAll(",", ""));

/** The row nearest to where a pointer is. */
function pointed({ target, clientX }) {
  const sheet = target.closest?.("[data-payoff-sheet]");
  if (!sheet) return;
  const group = sheet.closest("[data-payoff-group]");
  const { left, width } = sheet.getBoundingClientRect();
  const [from, wide] = sheet.dataset.payoffSheet.split(" ").map(Number);
  const place = (((clientX - left) / width) * sheet.viewBox.baseVal.width - from) / wide * 1000;
  choose(group, nearest(rowsOf(group), (row) => Number(row.dataset.place) - place));
}

function nearest(rows, distance) {
  let best = 0;
  rows.forEach((row, number) => Math.abs(distance(row)) < Math.abs(distance(rows[best])) && (best = number));
  return best;
}

/** After a fresh copy from the server: what was read stays read, at its price. */
function again() {
  for (const group of document.querySelectorAll("[data-payoff-group]")) {
    const price = chosen.get(group.dataset.payoffGroup);
    if (price !== undefined) read(group, nearest(rowsOf(group), (row) => priceOf(row) - price));
  }
  if (document.querySelector("[data-payoff-waits]")) setTimeout(refresh, WAITING + EVERY);
}

export function startPayoff() {
  document.addEventListener("figures", refresh);
  document.addEventListener("input", slid, true);
  document.addEventListener("change", slid, true);
  document.addEventListener("pointermove", pointed);
  document.addEventListener("pointerdown", pointed);
  document.addEventListener("htmx:afterSettle", again);
  again();
}
