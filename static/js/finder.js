// The symbol search that any page opens with `/`: arrows walk through what was found, left and right through the acts
// of a line, Enter follows, any letter goes on typing. What is found comes from the server as links.

import { openDialog } from "./dialog.js";

const dialog = () => document.getElementById("finder");
const lines = () => [...dialog().querySelectorAll("[data-found]")];

/** Open it; false where the page has none. */
export function openFinder() {
  const found = dialog();
  if (!found) return false;
  openDialog(found);
  found.querySelector("input").select();
  return true;
}

function walk(step) {
  const all = lines();
  const at = all.findIndex((line) => line.contains(document.activeElement));
  const next = all[at + step];
  if (next) next.querySelector("a").focus();
  else if (step < 0) dialog().querySelector("input").focus();
}

function across(step) {
  const acts = [...(document.activeElement.closest("[data-found]")?.querySelectorAll("a, button") ?? [])];
  acts[acts.indexOf(document.activeElement) + step]?.focus();
  return acts.length > 0;
}

/** Whether what stands there answers what is typed; if not, Enter asks the whole page. */
function isAnswered(input) {
  return lines().length > 0 && dialog().querySelector("[data-for]").dataset.for === input.value.trim();
}

function keydown(event) {
  if (!dialog()?.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const input = dialog().querySelector("input");
  const isTyping = document.activeElement === input;
  if (event.key === "ArrowDown" || event.key === "ArrowUp") walk(event.key === "ArrowDown" ? 1 : -1);
  else if (event.key === "Enter" && isTyping && isAnswered(input)) lines()[0].querySelector("a").click();
  else if (!isTyping && (event.key === "ArrowLeft" || event.key === "ArrowRight")) across(event.key === "ArrowRight" ? 1 : -1);
  else if (!isTyping && (event.key === "Backspace" || (event.key.length === 1 && event.key !== " "))) return input.focus();
  else return;
  event.preventDefault();
}

export function startFinder() {
  document.addEventListener("keydown", keydown);
}
