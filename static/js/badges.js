// What the top bar says of prices and of the engine: told by the newest sign of life of each, every second anew.
// Prices come many times a second and a beat every five, so the newest tick counts as well.

import { serverNow } from "./cells.js";
import { age, clock } from "./format.js";

const SLOW = 3_000;
const SILENT = 12_000;
let feed = null;
let pricedAt = 0;
let engineAt = 0;

/** From a beat: `feed.at` is when the newest price came, null when its state does not depend on an age. */
export function hear(beat) {
  feed = beat.feed ?? feed;
  pricedAt = Math.max(pricedAt, feed?.at ?? 0);
  engineAt = beat.engine_at ?? engineAt;
}

/** From a tick: {"ltp:NSE:SBIN": {at}, …}. */
export function seePrices(figures) {
  for (const [key, { at }] of Object.entries(figures)) {
    if (key.startsWith("ltp:") && at > pricedAt) pricedAt = at;
  }
}

/** Since when the engine is silent, as a wall clock; "" while it is heard. */
export function engineSilentSince() {
  if (!feed) return "";
  if (!engineAt) return "the desk was started";
  return serverNow() - engineAt > SILENT ? clock(engineAt) : "";
}

export function showBadges() {
  if (!feed) return;
  const { state, text } = feed.at || isFresh() ? byAge(pricedAt) : feed;
  document.documentElement.dataset.feed = state;
  show("[data-feed-badge]", state, text);
  show("[data-engine-badge]", engineSilentSince() ? "off" : "live");
  const engine = document.querySelector("[data-engine-badge] [data-age-of]");
  if (engine && engineAt) engine.dataset.ageOf = engineAt;
}

/** Prices come: whatever the last beat said of the feed, it is live. */
const isFresh = () => serverNow() - pricedAt < SLOW;

function byAge(at) {
  const silent = serverNow() - at;
  if (silent >= SILENT) return { state: "stale", text: `Stale since ${clock(at)}` };
  return silent >= SLOW
    ? { state: "slow", text: `Slow ${age(silent / 1000)}` }
    : { state: "live", text: `Live ${age(silent / 1000)}` };
}

export function show(where, state, text) {
  const badge = document.querySelector(where);
  if (!badge) return;
  badge.dataset.state = state;
  const words = badge.querySelector("[data-text]");
  if (words && text && words.textContent !== text) words.textContent = text;
}

/** How the stream stands, to the style sheet and to people. */
export function say(state, words) {
  document.documentElement.dataset.live = state;
  const banner = document.getElementById("live-banner");
  if (banner && banner.textContent !== words) banner.textContent = words;
}
