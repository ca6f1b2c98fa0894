// Live figures: what the server sent is put into its cells, and what grows old says so.
// A cell is <span class="cell" data-cell="key" data-at="ms" data-stale-after="seconds">, or a <meter data-cell="key">.
// data-ages is the id of what counts its age. Nothing here is announced.

import { age } from "./format.js";

const STALE_AFTER = 5;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let ahead = 0;

/** The server's clock in ms; browsers' clocks are off by minutes. */
export const serverNow = () => Date.now() + ahead;

export function setServerClock(at) {
  ahead = at - Date.now();
}

/** Put {key: "text" or {t, s, at}} into the cells that are on the page. */
export function applyTick(figures) {
  document.dispatchEvent(new CustomEvent("figures", { detail: figures }));
  for (const cell of document.querySelectorAll("[data-cell]")) {
    const figure = figures[cell.dataset.cell];
    if (figure !== undefined) show(cell, typeof figure === "string" ? { t: figure } : figure);
  }
}

function show(cell, { t, s, at, src }) {
  if (cell.tagName === "METER") {
    cell.value = Number(t);
    return;
  }
  if (s) cell.dataset.state = s;
  if (at === null) delete cell.dataset.at; // it depends on no price, so it does not age
  else cell.dataset.at = at ?? serverNow();
  delete cell.dataset.stale;
  if (src) cell.dataset.source = src; // asked for, since the stream gives none
  else delete cell.dataset.source;
  if (at && cell.dataset.ages) document.getElementById(cell.dataset.ages).dataset.ageOf = at;
  if (t === undefined || cell.textContent === t) return;
  cell.textContent = t;
  if (calm.matches || "calm" in cell.dataset) return;
  cell.classList.remove("changed");
  requestAnimationFrame(() => cell.classList.add("changed"));
}

document.addEventListener("animationend", ({ target }) => target.classList.remove("changed"));

/** Mute each figure past its age and name the age; keep plain ages (<time data-age-of>) counting. */
export function growOld() {
  const now = serverNow();
  const closed = document.documentElement.dataset.feed === "closed";
  for (const cell of document.querySelectorAll("[data-cell][data-at]")) {
    const seconds = (now - Number(cell.dataset.at)) / 1000;
    const old = !closed && seconds > Number(cell.dataset.staleAfter ?? STALE_AFTER);
    if (old) cell.dataset.stale = age(seconds);
    else delete cell.dataset.stale;
  }
  for (const time of document.querySelectorAll('[data-age-of]:not([data-age-of=""])')) {
    const text = age((now - Number(time.dataset.ageOf)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
}
