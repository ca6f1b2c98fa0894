// One-key shortcuts. They move about and open things; none sends an order. Off with <html data-keys="off">.
// `g` and a letter follow the link with that data-key, `/` opens the symbol search, a letter in b, s, x presses the
// button with that data-row-key in the row (or the cell with data-keys) that has the focus, `?` lists them.

import { openDialog } from "./dialog.js";
import { openFinder } from "./finder.js";

const SECOND_KEY = 1500;
let waitingSince = 0;

const typing = (element) => element.matches?.("input, select, textarea, [contenteditable]");
const away = () => document.documentElement.dataset.keys === "off" || document.querySelector("dialog[open]");

function go(letter) {
  const link = document.querySelector(`[data-key="${CSS.escape(letter)}"]`);
  link?.click();
  return Boolean(link);
}

function inRow(letter) {
  const button = document.activeElement?.closest("[data-keys]:not(html), tr")?.querySelector(`[data-row-key="${CSS.escape(letter)}"]`);
  button?.click();
  return Boolean(button);
}

function act(key) {
  const second = Date.now() - waitingSince < SECOND_KEY;
  waitingSince = 0;
  if (second) return go(key);
  if (key === "g") {
    waitingSince = Date.now();
    return true;
  }
  if (key === "/") return openFinder();
  if (key === "?") {
    openDialog(document.getElementById("keys-help"));
    return true;
  }
  return "bsx".includes(key) && inRow(key);
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (key.length !== 1 || typing(target) || away()) return;
    if (act(key)) event.preventDefault();
  });
}
