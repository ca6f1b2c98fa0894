// Where a run is left by itself, as lines across its chart: <div id="chart-levels" data-levels='[["Stop", "310.5", "down"]]'>
// comes anew when the run changes. Each line has its name: no colour is needed to tell them apart.

import { palette } from "./chart_colours.js";

const DASHED = 2;
let drawn = [];
let told = "";

/** Onto the series that is there; nothing is done while all stands as it stood. */
export function drawLevels(series) {
  const now = document.getElementById("chart-levels")?.dataset.levels ?? "[]";
  const colours = palette();
  const key = now + colours.down;
  if (!series || key === told) return;
  told = key;
  drawn.forEach((line) => series.removePriceLine(line));
  drawn = JSON.parse(now).map(([title, value, tone]) =>
    series.createPriceLine({ price: +value, title, color: colours[tone], lineWidth: 1, lineStyle: DASHED, axisLabelVisible: true }),
  );
}

/** Whenever they may have moved, or the page has other colours. */
export function followLevels(series) {
  const draw = () => drawLevels(series());
  document.addEventListener("htmx:afterSettle", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme", "data-palette"] });
}
