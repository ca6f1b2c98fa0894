// The one connection of this tab to the server: figures, changed rooms, notices and a beat every few seconds.
// <html data-stream="/stream"> names it; data-live says how it stands: wait, on, paused, off.
// Whatever was missed while it was shut is fetched again: every room is refreshed once it is back.

import { streamAddress } from "./address.js";
import { engineSilentSince, hear, say, seePrices, show, showBadges } from "./badges.js";
import { applyTick, growOld, serverNow, setServerClock } from "./cells.js";
import { clock } from "./format.js";
import { refreshRooms } from "./rooms.js";
import { toast } from "./toast.js";

const SILENCE = 12_000;
const REOPEN = 10_000;
const root = document.documentElement;
let source = null;
let lastBeat = 0;
let paused = false;
let missed = false;

export function startStream() {
  if (!root.dataset.stream) return;
  lastBeat = Date.now();
  document.addEventListener("click", ({ target }) => target.closest?.("[data-live-toggle]") && setPaused(!paused));
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : resume()));
  document.addEventListener("htmx:afterSettle", growOld);
  document.addEventListener("watched", () => (close(), resume()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && resume());
  setInterval(everySecond, 1000);
  open();
}

function open() {
  if (source || paused || document.hidden) return;
  source = new EventSource(streamAddress(!missed));
  on("tick", tick);
  on("changed", refreshRooms);
  on("notice", toast);
  on("beat", beat);
  source.addEventListener("error", () => {
    missed = true;
    if (source?.readyState === EventSource.CLOSED) reopenLater();
  });
}

function on(name, act) {
  source.addEventListener(name, (event) => {
    if (!paused) act(JSON.parse(event.data));
  });
}

/** A refused answer ends an EventSource for good; a signed-out or restarting server deserves another try. */
function reopenLater() {
  close();
  setTimeout(open, REOPEN);
}

function close() {
  source?.close();
  source = null;
  missed = true;
}

function resume() {
  if (paused) return;
  lastBeat = Date.now();
  open();
}

function tick(figures) {
  seePrices(figures);
  applyTick(figures);
}

function beat(told) {
  lastBeat = Date.now();
  setServerClock(told.at);
  hear(told);
  sayHowItStands();
  if (missed && root.dataset.live === "on") {
    refreshRooms();
    missed = false;
  }
}

/** The page is live while the server beats and the engine behind it does. What a silent engine missed is fetched. */
function sayHowItStands() {
  const since = engineSilentSince();
  if (since) {
    say("off", `The engine is silent since ${since}: nothing is sent, figures are frozen`);
    missed = true;
  } else if (root.dataset.live !== "on") say("on", "");
  showBadges();
}

function everySecond() {
  if (paused || document.hidden) return;
  if (Date.now() - lastBeat > SILENCE) {
    const since = clock(serverNow() - (Date.now() - lastBeat));
    say("off", `Not live since ${since}: figures are frozen`);
    show("[data-feed-badge]", "off", `Not live since ${since}`);
    show("[data-engine-badge]", "unknown");
  } else if (root.dataset.live !== "wait") sayHowItStands();
  growOld();
}

function setPaused(wish) {
  paused = wish;
  for (const button of document.querySelectorAll("[data-live-toggle]")) button.setAttribute("aria-pressed", wish);
  if (wish) {
    close();
    say("paused", `Paused at ${clock(serverNow())}: figures are frozen until you resume`);
    show("[data-feed-badge]", "unknown", "Paused");
  } else {
    say("wait", "");
    resume();
  }
}
