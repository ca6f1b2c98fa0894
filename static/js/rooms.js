// Parts of a page that fetch themselves again when the server says their room changed:
// <div data-room="orders positions:12" hx-get="…" hx-trigger="refresh" hx-swap="morph:outerHTML">.
// A burst of changes is one refresh for each PACE. What can't be fetched yet waits; what could not be fetched has
// data-late and is asked for again until it comes.

import { toast } from "./toast.js";

const PACE = 150;
const BUSY_RETRY = 1000;
const LATE_RETRY = 3000;
const LONGEST_RETRY = 10_000; // even where the server asks for more: orders of a minute ago are worth little
const waiting = new Set(); // of keys
const notBefore = new Map(); // when a late one may be asked for again, by key
let timer = 0;
let due = Infinity;

/** Refresh every element of the named rooms; null means all of them. */
export function refreshRooms(names = null) {
  for (const element of allRooms()) {
    if (!names || roomsOf(element).some((name) => names.includes(name))) waiting.add(keyOf(element));
  }
  if (waiting.size) within(PACE);
}

const allRooms = () => document.querySelectorAll("[data-room]");
const roomsOf = (element) => element.dataset.room.split(/\s+/).filter(Boolean);
const keyOf = (element) => element.id || element.dataset.room; // a fresh copy may be another element

/** A turn that is already due sooner stays: what keeps changing is refreshed all the same. */
function within(wait) {
  const at = performance.now() + wait;
  if (at >= due) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(refreshNow, wait);
}

function refreshNow() {
  due = Infinity;
  for (const element of allRooms()) {
    const key = keyOf(element);
    if (!waiting.has(key)) continue;
    const wait = waitOf(element, key);
    if (wait) {
      within(wait);
    } else {
      waiting.delete(key);
      window.htmx.trigger(element, "refresh");
    }
  }
}

/** How long it can't be fetched yet, in milliseconds: its last refresh is under way, somebody uses it, or it failed. */
function waitOf(element, key) {
  if (element.matches(".htmx-request")) return PACE;
  if (busy(element)) return BUSY_RETRY;
  const left = (notBefore.get(key) ?? 0) - performance.now();
  return left > 0 ? Math.max(left, PACE) : 0;
}

/** A person is typing in it, has ticked rows, answers its dialog or chooses from its menu: the change waits. */
function busy(element) {
  const focused = element.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
  return focused || element.querySelector("dialog[open], :popover-open, form[data-sending], [data-selects]:checked") !== null;
}

/** It looks late and that is said once. What is gone or not allowed any more is not asked for again by itself. */
function late({ target, detail: { xhr } }) {
  if (!target.matches?.("[data-room]")) return;
  if (!("late" in target.dataset)) toast({ level: "warn", text: "A part of this page could not be refreshed and is late." });
  target.dataset.late = "";
  if (xhr.status >= 400 && xhr.status < 500 && ![408, 429].includes(xhr.status)) return;
  const asked = Number(xhr.getResponseHeader("Retry-After")) * 1000 || 0;
  const wait = Math.min(Math.max(asked, LATE_RETRY), LONGEST_RETRY);
  notBefore.set(keyOf(target), performance.now() + wait);
  waiting.add(keyOf(target));
  within(wait);
}

function come({ target, detail }) {
  if (!detail.successful || !target.matches?.("[data-room]")) return;
  delete target.dataset.late;
  notBefore.delete(keyOf(target));
}

/** A fresh copy from the server never shuts what a person has opened. */
function keepOpenThings() {
  if (!window.Idiomorph) return;
  window.Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !(name === "open" && node.matches("details, dialog"));
}

export function startRooms() {
  keepOpenThings();
  for (const name of ["responseError", "sendError", "timeout"]) document.addEventListener(`htmx:${name}`, late);
  document.addEventListener("htmx:afterRequest", come);
}
