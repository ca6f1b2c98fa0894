// Draws candles, volume, lines and marks with lightweight-charts, in the colours of the page. Prices arrive as decimal
// text and are numbers only here, where they become pixels.

import { CandlestickSeries, createChart, createSeriesMarkers } from "../vendor/lightweight-charts-5.2.1.js";
import { HistogramSeries, LineSeries } from "../vendor/lightweight-charts-5.2.1.js";
import { palette } from "./chart_colours.js";
import { clock, day, price } from "./format.js";

const LINE_COLOURS = ["accent", "warn", "muted", "text"]; // a sum is drawn in the first
const BARS = 120; // seen at first
const time = (at) => clock(at * 1000).slice(0, 5);
const BARE = { lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false };
const candle = ([time, open, high, low, close]) => ({ time, open: +open, high: +high, low: +low, close: +close });

export class Drawing {
  constructor(box) {
    this.chart = createChart(box, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 12, background: { color: "transparent" } },
      timeScale: { timeVisible: true, tickMarkFormatter: (at, kind) => (kind < 3 ? day(at * 1000) : time(at)) },
      localization: { timeFormatter: (at) => `${day(at * 1000)} ${time(at)}` },
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      handleScale: { mouseWheel: false },
      kineticScroll: { touch: false },
    });
    this.lines = [];
    this.told = null;
    new MutationObserver(() => this.dress()).observe(document.documentElement, {
      attributeFilter: ["data-theme", "data-palette"],
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress());
  }

  /** All of it; where a person had scrolled to stays, and who stood at the newest bar still does. */
  show(told) {
    const scale = this.chart.timeScale();
    const had = this.told?.bars.length ?? 0;
    const seen = had && scale.scrollPosition() < -1 ? scale.getVisibleRange() : null;
    const width = had ? scale.getVisibleLogicalRange() : null;
    this.told = told;
    if (!this.main) this.addSeries(told);
    this.dress();
    this.main.setData(told.bars.map((row) => this.shown(row)));
    const end = told.bars.length + 3;
    if (seen) scale.setVisibleRange(seen);
    else if (end > 3) scale.setVisibleLogicalRange({ from: end - (width ? width.to - width.from : BARS), to: end });
  }

  addSeries({ single, tick }) {
    const formatter = (value) => price(value.toFixed(4), tick);
    const priceFormat = { type: "custom", minMove: Number(tick ?? 0.05), formatter };
    this.main = this.chart.addSeries(single ? CandlestickSeries : LineSeries, { priceFormat });
    this.marks = createSeriesMarkers(this.main, []);
    if (!single) return;
    const quiet = { ...BARE, priceFormat: { type: "volume" } };
    this.volume = this.chart.addSeries(HistogramSeries, { priceScaleId: "", ...quiet });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
  }

  dress() {
    const to = (this.colours = palette());
    const grid = { color: to.line };
    this.chart.applyOptions({
      layout: { textColor: to.muted },
      grid: { vertLines: grid, horzLines: grid },
      rightPriceScale: { borderColor: to.line },
      timeScale: { borderColor: to.line },
    });
    const ups = { upColor: to.surface, borderUpColor: to.up, wickUpColor: to.up };
    const sides = { ...ups, downColor: to.down, borderDownColor: to.down, wickDownColor: to.down };
    const own = this.told?.single ? sides : { color: to.accent, lineWidth: 2 };
    this.main?.applyOptions({ ...own, priceLineColor: to.accent });
    if (!this.told) return;
    this.volume?.setData(this.told.bars.map((row) => this.traded(row)));
    this.drawLines();
    this.drawMarks();
  }

  drawLines() {
    this.lines.forEach((line) => this.chart.removeSeries(line));
    this.lines = this.told.lines.map(({ points }, at) => {
      const color = this.colours[LINE_COLOURS[(at + 1) % LINE_COLOURS.length]];
      const line = this.chart.addSeries(LineSeries, { color, lineWidth: 1, ...BARE });
      line.setData(points.map(([time, value, way]) => ({ time, value: +value, color: this.colours[way] ?? color })));
      return line;
    });
  }

  /** Bought: an arrow from below; sold: from above: no colour needed. */
  drawMarks() {
    const { up, down } = this.colours;
    const bought = { position: "belowBar", shape: "arrowUp", color: up };
    const sold = { position: "aboveBar", shape: "arrowDown", color: down };
    const marks = this.told.marks.map(({ at, side, exit }) => {
      const text = exit ? "Exit" : side === "BUY" ? "B" : "S";
      return { time: at, text, ...(side === "BUY" ? bought : sold) };
    });
    this.marks?.setMarkers(marks);
  }

  update(row) {
    const isPast = row[0] < (this.told?.bars.at(-1)?.[0] ?? 0);
    this.main?.update(this.shown(row), isPast);
    this.volume?.update(this.traded(row), isPast);
  }

  shown = (row) => (this.told.single ? candle(row) : { time: row[0], value: +row[4] });
  traded([at, open, , , close, volume]) {
    return { time: at, value: +volume, color: `${+close < +open ? this.colours.down : this.colours.up}66` };
  }
  point = (row) => this.chart.setCrosshairPosition(+row[4], row[0], this.main);
  toEnd = () => this.chart.timeScale().scrollToRealTime();
  onPoint = (act) => this.chart.subscribeCrosshairMove(({ time }) => act(time ?? null));

  zoom(by) {
    const range = this.chart.timeScale().getVisibleLogicalRange() ?? { from: 0, to: BARS };
    const from = range.to - (range.to - range.from) * by;
    this.chart.timeScale().setVisibleLogicalRange({ from, to: range.to });
  }
}
