// The colours of the page for what draws on a canvas: it knows no light-dark() and no var().

const NAMES = ["up", "down", "text", "muted", "accent", "warn", "line", "surface"];
const brush = document.createElement("canvas").getContext("2d");

/** By name, as #rrggbb. */
export const palette = () => Object.fromEntries(NAMES.map((name) => [name, colour(name)]));

function colour(name) {
  const swatch = document.createElement("i");
  swatch.className = `${name} swatch-${name}`; // where the page has a word for it already, that one
  document.body.append(swatch);
  brush.fillStyle = getComputedStyle(swatch).color;
  swatch.remove();
  return brush.fillStyle;
}
