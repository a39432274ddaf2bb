// A line or bar chart over time: <ashlar-chart>. The server sends whole data once, and then a point at a time.
import uPlot from "../webjars/uplot/1.6.30/dist/uPlot.esm.js";

const HEIGHT = 180;

class AshlarChart extends HTMLElement {
  connectedCallback() {
    this.style.display = "block";
    this.style.minHeight = HEIGHT + "px";
    if (!document.getElementById("uplot-style")) {
      const style = document.createElement("link");
      style.id = "uplot-style";
      style.rel = "stylesheet";
      style.href = "webjars/uplot/1.6.30/dist/uPlot.min.css";
      document.head.appendChild(style);
    }
    this.watcher = new ResizeObserver(() => {
      if (this.plot && this.clientWidth > 0) this.plot.setSize({ width: this.clientWidth, height: HEIGHT });
    });
    this.watcher.observe(this);
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.redraw = () => this.draw();
    this.theme.addEventListener("change", this.redraw);
    if (this.data) this.draw();
  }

  disconnectedCallback() {
    this.watcher.disconnect();
    this.theme.removeEventListener("change", this.redraw);
    this.plot?.destroy();
    this.plot = null;
  }

  /** series: [{label, color, dash?}], data: [[seconds...], [values...], ...], bars: whether bars, unit: after values */
  show(series, data, bars, unit) {
    this.series = series;
    this.data = data;
    this.bars = bars;
    this.unit = unit;
    this.draw();
  }

  /** A new moment: its second, and a value of each series. The oldest goes. */
  push(point, most) {
    if (!this.data) return;
    point.forEach((value, i) => {
      this.data[i].push(value);
      if (this.data[i].length > most) this.data[i].shift();
    });
    if (document.visibilityState === "visible") this.plot?.setData(this.data);
  }

  /** What a colour of the style sheet is in the present theme; a canvas does not know variables. */
  color(name) {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    this.appendChild(probe);
    const color = getComputedStyle(probe).color;
    probe.remove();
    return color;
  }

  draw() {
    if (!this.isConnected || !this.series) return;
    this.plot?.destroy();
    const ink = this.color("--lumo-secondary-text-color");
    const line = this.color("--ash-grid");
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "12px system-ui" };
    const unit = this.unit;
    const paths = this.bars ? uPlot.paths.bars({ size: [0.7, 40] }) : undefined;
    this.plot = new uPlot(
      {
        width: this.clientWidth || 300,
        height: HEIGHT,
        tzDate: (t) => uPlot.tzDate(new Date(t * 1e3), "UTC"),
        cursor: { points: { size: 6 } },
        legend: { show: true },
        scales: { y: { range: (u, min, max) => [0, Math.max(max * 1.1, 1)] } },
        axes: [{ ...axis, values: (u, seconds, i, space, step) => seconds.map((t) => moment(t, step)) }, { ...axis, size: 56, values: (u, v) => v.map(short) }],
        series: [
          { label: "UTC", value: (u, t) => (t == null ? "–" : moment(t, this.bars ? 86400 : 1)) },
          ...this.series.map((s) => ({
            label: s.label,
            stroke: s.color,
            fill: this.bars ? s.color : undefined,
            dash: s.dash ? [6, 4] : undefined,
            width: 1.75,
            points: { show: false },
            paths,
            value: (u, v) => (v == null ? "–" : short(v) + unit),
          })),
        ],
      },
      this.data,
      this,
    );
  }
}

function moment(seconds, step) {
  const text = new Date(seconds * 1e3).toISOString();
  return step >= 86400 ? text.slice(5, 10) : step >= 60 ? text.slice(11, 16) : text.slice(11, 19);
}

function short(v) {
  if (v >= 1e9) return +(v / 1e9).toPrecision(3) + "G";
  if (v >= 1e6) return +(v / 1e6).toPrecision(3) + "M";
  if (v >= 1e4) return +(v / 1e3).toPrecision(3) + "k";
  return String(+v.toPrecision(3));
}

customElements.get("ashlar-chart") || customElements.define("ashlar-chart", AshlarChart);
