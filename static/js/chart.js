// The chart of a page: <div id="chart" data-bars="address" data-key="bar:5m:NFO:…">. Candles come whole from their
// address, the running bar from the stream; when the stream tells of a new reading, they are fetched again.

import { Drawing } from "./chart_draw.js";
import { drawLevels, followLevels } from "./chart_levels.js";
import { clock, day, indian, price } from "./format.js";

const box = document.getElementById("chart");
const legend = document.getElementById("chart-legend");
const state = () => document.getElementById("chart-state");
const drawing = new Drawing(box);
let told = { bars: [], lines: [], marks: [], read: -1 };
let rows = new Map();
let pointed = null; // the start of the bar under the crosshair
let wanted = 0;
let timer = 0;

async function load() {
  const read = (wanted = Math.max(wanted, Number(state()?.dataset.read ?? 0)));
  const answer = await fetch(box.dataset.bars, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  told = await answer.json();
  told.read = Math.max(told.read, read);
  rows = new Map(told.bars.map((row) => [row[0], row]));
  drawing.show(told);
  drawLevels(drawing.main);
  say();
}

/** Once for a burst; a failed try is made again. */
function loadSoon(after = 50) {
  clearTimeout(timer);
  timer = setTimeout(() => load().catch(() => loadSoon(3000)), after);
}

function hear({ detail }) {
  const figure = detail[box.dataset.key];
  if (!figure) return;
  if (figure.read > told.read) {
    wanted = figure.read;
    told.read = figure.read;
    window.htmx.trigger(state(), "refresh");
    loadSoon();
  }
  const newest = told.bars.at(-1)?.[0] ?? 0;
  for (const row of figure.bars) {
    const known = rows.get(row[0]);
    if (row[0] < newest && !known) continue;
    if (known?.join() === row.join()) continue; // drawing a bar of the past again draws them all again
    if (known) known.splice(0, row.length, ...row);
    else told.bars.push(row);
    rows.set(row[0], known ?? row);
    drawing.update(row);
  }
  if (figure.bars.length) say();
}

/** What the crosshair points at, else the newest bar; and where each line stands there. */
function say() {
  const at = pointed !== null && rows.has(pointed) ? pointed : told.bars.at(-1)?.[0];
  const row = rows.get(at);
  if (!row) return write([["", "No bars yet"]]);
  const [, open, high, low, close, volume] = row;
  const [o, h, l, c] = [open, high, low, close].map((one) => price(one, told.tick));
  const figures = told.single ? [["O", o], ["H", h], ["L", l], ["C", c], ["V", indian(volume, 0)]] : [["Sum", c]];
  const lines = told.lines.map(({ label, points }) => {
    const point = points.findLast(([start]) => start <= at);
    const way = { up: " ▲ up", down: " ▼ down" }[point?.[2]] ?? "";
    return [label, point ? price(point[1], told.tick) + way : "–"];
  });
  const marks = told.marks.filter((mark) => mark.at === at).map((mark) => [mark.exit ? "Exit" : "Fill", mark.text]);
  write([["", `${day(at * 1000)} ${clock(at * 1000).slice(0, 5)}`], ...figures, ...lines, ...marks]);
}

function write(pairs) {
  while (legend.children.length > pairs.length) legend.lastChild.remove();
  pairs.forEach(([name, text], at) => {
    const span = legend.children[at] ?? legend.appendChild(document.createElement("span"));
    const words = name ? `${name} ${text}` : text;
    if (span.textContent !== words) span.textContent = words;
  });
}

function point(start) {
  pointed = start;
  say();
}

/** Bar by bar from the one that is pointed at. */
function walk(steps) {
  const starts = told.bars.map((row) => row[0]);
  const from = pointed === null ? starts.length - 1 : starts.indexOf(pointed);
  const at = starts[Math.min(Math.max(from + steps, 0), starts.length - 1)];
  if (at === undefined) return;
  drawing.point(rows.get(at));
  point(at);
}

const KEYS = {
  ArrowLeft: () => walk(-1),
  ArrowRight: () => walk(1),
  Home: () => walk(-Infinity),
  End: () => (walk(Infinity), drawing.toEnd()),
  "+": () => drawing.zoom(0.8),
  "-": () => drawing.zoom(1.25),
};
const BUTTONS = { in: KEYS["+"], out: KEYS["-"], end: () => drawing.toEnd() };

box.addEventListener("keydown", (event) => {
  const act = !event.ctrlKey && !event.metaKey && KEYS[event.key === "=" ? "+" : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
document.addEventListener("click", ({ target }) => BUTTONS[target.closest?.("[data-chart]")?.dataset.chart]?.());
document.addEventListener("figures", hear);
document.addEventListener("htmx:afterSettle", () => Number(state()?.dataset.read) > told.read && loadSoon());
followLevels(() => drawing.main);
drawing.onPoint(point);
loadSoon(0);
