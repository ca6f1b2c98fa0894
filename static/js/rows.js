// Tables with <table data-rows>: the arrow keys walk from row to row (to each row's [data-row] link), with Alt they
// press the row's [data-move] button. What is named by [data-stream-of] is watched: where a fresh copy names other
// symbols, the stream is opened anew.

const WAYS = { ArrowUp: "up", ArrowDown: "down" };
const watched = () => document.querySelector("[data-stream-of]")?.dataset.streamOf;
let known = watched();

function walk(row, way) {
  const next = way === "up" ? row.previousElementSibling : row.nextElementSibling;
  const link = next?.querySelector("[data-row]");
  link?.focus();
  return Boolean(link);
}

function move(row, way) {
  const button = row.querySelector(`[data-move="${way}"]:not(:disabled)`);
  button?.click();
  return Boolean(button);
}

function followSymbols() {
  if (watched() === known) return;
  known = watched();
  document.dispatchEvent(new Event("watched"));
}

export function startRows() {
  document.addEventListener("htmx:afterSettle", followSymbols);
  document.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    const row = way && event.target.matches?.("[data-row]") && event.target.closest("[data-rows] tr");
    if (!row || event.ctrlKey || event.metaKey) return;
    if (event.altKey ? move(row, way) : walk(row, way)) event.preventDefault();
  });
}
