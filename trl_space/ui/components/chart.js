// A line chart of one value over steps, drawn as SVG, with the same numbers as a table for who cannot see it.
trl.chart = (texts) => {
  const { h, svg } = trl;
  const MOST = 400;
  const canvas = svg("svg", { class: "t-chart", role: "img", "aria-label": texts.chart });
  const tip = h("div", { class: "t-chart-tip t-num", hidden: true });
  const body = h("tbody", {});
  const head = h("thead", {}, h("tr", {}, h("th", {}, texts.step), h("th", {}, texts.loss)));
  const table = h("details", { class: "t-chart-table" },
    h("summary", { class: "t-small" }, texts.numbers),
    h("div", { class: "t-chart-scroll", tabindex: "0" }, h("table", {}, head, body)));
  const empty = h("div", { class: "t-chart-empty t-small" }, texts.no_points);
  const frame = h("div", { class: "t-chart-frame" }, canvas, tip, empty);
  const whole = h("div", {}, frame, table);
  let points = [];
  let total = null;
  let scale = null;

  const nice = (low, high, count) => {
    const rough = (high - low || 1) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const ticks = [];
    for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) ticks.push(Number(v.toPrecision(10)));
    return ticks;
  };
  // Keeps the first, the last and the extremes of each stretch, so that a spike is never lost.
  const thin = (all) => {
    if (all.length <= MOST) return all;
    const size = all.length / (MOST / 2);
    const kept = [];
    for (let i = 0; i < MOST / 2; i++) {
      const part = all.slice(Math.floor(i * size), Math.floor((i + 1) * size));
      const low = part.reduce((a, b) => (b[1] < a[1] ? b : a));
      const high = part.reduce((a, b) => (b[1] > a[1] ? b : a));
      kept.push(...(low[0] < high[0] ? [low, high] : [high, low]));
    }
    return kept;
  };
  const draw = () => {
    const width = Math.max(240, frame.clientWidth || 640);
    const height = 240;
    const left = 44, right = 12, top = 12, bottom = 28;
    empty.hidden = points.length > 0;
    canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
    canvas.setAttribute("height", height);
    const xs = points.map((p) => p[0]);
    const ys = points.map((p) => p[1]);
    const x1 = Math.max(total || 0, ...xs, 1);
    let y0 = Math.min(...ys), y1 = Math.max(...ys);
    if (!points.length) { y0 = 0; y1 = 1; }
    const pad = (y1 - y0 || Math.abs(y1) || 1) * 0.08;
    y0 -= pad; y1 += pad;
    if (y0 < 0 && Math.min(...ys, 1) >= 0) y0 = 0;
    scale = {
      x: (v) => left + (v / x1) * (width - left - right),
      y: (v) => top + (1 - (v - y0) / (y1 - y0)) * (height - top - bottom),
      width, left, right, x1,
    };
    const parts = [];
    const label = (x, y, anchor, text) => {
      const element = svg("text", { x, y, "text-anchor": anchor, class: "t-chart-label" });
      element.textContent = text;
      return element;
    };
    // Without a value yet there is nothing to measure: one line to stand on, and the sentence.
    const across = (y) => svg("line", { x1: left, x2: width - right, y1: y, y2: y, class: "t-chart-grid" });
    if (!points.length) parts.push(across(height - bottom));
    for (const v of points.length ? nice(y0, y1, 4) : []) parts.push(across(scale.y(v)), label(left - 8, scale.y(v) + 4, "end", String(v)));
    for (const v of points.length ? nice(0, x1, 6) : [])
      if (Number.isInteger(v)) parts.push(label(scale.x(v), height - 8, "middle", String(v)));
    if (points.length) {
      const path = thin(points).map((p, i) => `${i ? "L" : "M"}${scale.x(p[0]).toFixed(1)} ${scale.y(p[1]).toFixed(1)}`).join("");
      const last = points[points.length - 1];
      parts.push(svg("path", { d: path, class: "t-chart-line" }), svg("circle", { cx: scale.x(last[0]), cy: scale.y(last[1]), r: 4, class: "t-chart-dot" }));
    }
    canvas.replaceChildren(...parts);
    const first = points[0], last = points[points.length - 1];
    const said = points.length ? { from: first[1].toPrecision(3), to: last[1].toPrecision(3), step: last[0] } : null;
    canvas.setAttribute("aria-label", said ? trl.fill(texts.chart_says, said) : texts.no_points);
  };
  frame.addEventListener("pointermove", (event) => {
    if (!points.length) return;
    const at = ((event.clientX - frame.getBoundingClientRect().left - scale.left) / (scale.width - scale.left - scale.right)) * scale.x1;
    const near = points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
    tip.hidden = false;
    tip.textContent = `${texts.step} ${near[0]} · ${Number(near[1].toPrecision(4))}`;
    tip.style.left = Math.min(scale.x(near[0]), scale.width - 120) + "px";
    tip.style.top = scale.y(near[1]) - 36 + "px";
  });
  frame.addEventListener("pointerleave", () => { tip.hidden = true; });
  new ResizeObserver(draw).observe(frame);
  table.addEventListener("toggle", () => fillTable());
  const cell = (value) => h("td", { class: "t-num" }, value);
  const fillTable = () => {
    if (table.open) body.replaceChildren(...thin(points).map((p) => h("tr", {}, cell(p[0]), cell(Number(p[1].toPrecision(5))))));
  };
  return {
    element: whole,
    set(next, steps) { points = next; total = steps; draw(); fillTable(); },
    nothing(sentence) { empty.textContent = sentence; },
  };
};
