// The one connection of this tab to the server: figures, changed rooms, notices and a beat every few seconds.
// <html data-stream="/stream"> names it; data-live says how it stands: wait, on, paused, off.
// Whatever was missed while it was shut is fetched again: every room is refreshed once it is back.

import { engineSilentSince, hear, seePrices, show, showBadges } from "./badges.js";
import { applyTick, growOld, serverNow, setServerClock } from "./cells.js";
import { clock } from "./format.js";
import { refreshRooms } from "./rooms.js";
import { toast } from "./toast.js";

const SILENCE = 12_000;
const REOPEN = 10_000;
const root = document.documentElement;
const page = Math.random().toString(36).slice(2) + Date.now().toString(36);
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
  addEventListener("pagehide", close);
  addEventListener("pageshow", ({ persisted }) => persisted && resume());
  setInterval(everySecond, 1000);
  open();
}

function open() {
  if (source || paused || document.hidden) return;
  source = new EventSource(address());
  on("tick", tick);
  on("changed", refreshRooms);
  on("notice", toast);
  on("beat", beat);
  source.addEventListener("error", () => {
    missed = true;
    if (source?.readyState === EventSource.CLOSED) reopenLater();
  });
}

/** With where the story stood when the page was made, so that nothing between is lost, and with the page that stood in
 *  this tab before: it needs its stream no more, and the server would find out only later. */
function address() {
  const url = new URL(root.dataset.stream, location.href);
  if (root.dataset.since && !missed) url.searchParams.set("since", root.dataset.since);
  url.searchParams.set("after", sessionStorage.getItem("page") ?? "");
  url.searchParams.set("page", page);
  sessionStorage.setItem("page", page);
  return url;
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

/** How the stream stands, to the style sheet and to people. */
function say(state, words) {
  root.dataset.live = state;
  const banner = document.getElementById("live-banner");
  if (banner && banner.textContent !== words) banner.textContent = words;
}
