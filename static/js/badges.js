// What the top bar says of prices and of the engine: told by the newest sign of life of each, every second anew.
// Prices come many times a second and a beat every five, so the newest tick counts as well. A price that was asked for,
// since the stream gives none, is never called live.

import { serverNow } from "./cells.js";
import { age, clock } from "./format.js";

const SLOW = 3_000;
const SILENT = 12_000;
let feed = null;
let pricedAt = 0;
let askedAt = 0;
let engineAt = 0;

/** From a beat: `feed.at` is when the newest price came, null when its state does not depend on an age. */
export function hear(beat) {
  feed = beat.feed ?? feed;
  if (feed?.source === "request") askedAt = Math.max(askedAt, feed.at ?? 0);
  else pricedAt = Math.max(pricedAt, feed?.at ?? 0);
  engineAt = beat.engine_at ?? engineAt;
}

/** From a tick: {"ltp:NSE:SBIN": {at, src?}, …}. */
export function seePrices(figures) {
  for (const [key, { at, src }] of Object.entries(figures)) {
    if (!key.startsWith("ltp:")) continue;
    if (src) askedAt = Math.max(askedAt, at ?? 0);
    else pricedAt = Math.max(pricedAt, at ?? 0);
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
  const { state, text } = isFresh() || feed.at ? byAge() : feed;
  document.documentElement.dataset.feed = state;
  show("[data-feed-badge]", state, text);
  show("[data-engine-badge]", engineSilentSince() ? "off" : "live");
  const engine = document.querySelector("[data-engine-badge] [data-age-of]");
  if (engine && engineAt) engine.dataset.ageOf = engineAt;
}

/** Prices are streamed: whatever the last beat said of the feed, it is live. */
const isFresh = () => serverNow() - pricedAt < SLOW;

function byAge() {
  const asked = !isFresh() && askedAt > pricedAt;
  const at = asked ? askedAt : pricedAt;
  const silent = serverNow() - at;
  if (silent >= SILENT) return { state: "stale", text: `Stale since ${clock(at)}` };
  if (asked) return { state: "slow", text: `Slow ${age(silent / 1000)} · REST` };
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
