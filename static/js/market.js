// Which market is open, and what comes when: the server says the phases that come, this only counts down.
// <span data-market='[{"at", "state", "words", "note", "next", "verb", "when"}, …]'> holds [data-words] and [data-next].

import { serverNow, setServerClock } from "./cells.js";

const DAY = 86_400_000;
const BLANK = "\u00a0";
const two = (number) => String(number).padStart(2, "0");

/** The twin of `countdown` in app/web/market_view.py. */
export function countdown(left) {
  const seconds = Math.max(0, Math.floor(left / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return hours ? `in ${hours}${BLANK}h ${two(minutes)}${BLANK}min` : `in ${two(minutes)}:${two(seconds % 60)}`;
}

function say(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function show(market, now) {
  const coming = JSON.parse(market.dataset.market);
  const phase = coming.findLast(({ at }) => at <= now) ?? coming[0];
  const left = phase.next - now;
  market.dataset.state = phase.state;
  say(market.querySelector("[data-words]"), phase.words);
  say(market.querySelector("[data-next]"), phase.next ? `${phase.verb} ${left < DAY ? countdown(left) : phase.when}` : "");
  say(market.querySelector("[data-note]"), phase.note);
}

export function startMarkets() {
  const markets = document.querySelectorAll("[data-market]");
  if (!markets.length) return;
  const told = Number(document.querySelector("[data-server-now]")?.dataset.serverNow);
  if (told) setServerClock(told);
  setInterval(() => document.hidden || markets.forEach((market) => show(market, serverNow())), 1000);
}
