// The numbers of a run over its steps: one line at a time, drawn as SVG, with a switch between what is measured and
// the same numbers as a table for who cannot see the line.
// set(points, total, charts): points are {step, loss, ...}, charts [{id, title, note}] with the most telling one first.
// Values on held-out rows (`eval_` before the name) are a second line in the same picture.
trl.chart = (texts) => {
  const { h, svg } = trl;
  const MOST = 400;
  let all = [], charts = [], total = null, chosen = "", scale = null;
  let points = [], held = [];

  const title = h("h2", { class: "t-title" });
  const note = h("p", { class: "t-small t-chart-note" });
  const switcher = h("div", { class: "t-segs t-chart-segs", role: "group", "aria-label": texts.measured, hidden: true });
  const canvas = svg("svg", { class: "t-chart", role: "img" });
  const tip = h("div", { class: "t-chart-tip t-num", hidden: true });
  const legend = h("p", { class: "t-chart-legend t-small", hidden: true },
    h("span", { class: "t-key" }, texts.on_training), h("span", { class: "t-key t-key-held" }, texts.on_held_out));
  const body = h("tbody", {});
  const head = h("thead", {});
  const table = h("details", { class: "t-chart-table" },
    h("summary", { class: "t-small" }, texts.numbers),
    h("div", { class: "t-chart-scroll", tabindex: "0" }, h("table", {}, head, body)));
  const empty = h("div", { class: "t-chart-empty t-small" }, texts.no_points);
  const frame = h("div", { class: "t-chart-frame" }, canvas, tip, empty);
  const whole = h("div", {}, h("div", { class: "t-chart-top" }, title, switcher), note, frame, legend, table);

  const now = () => charts.find((one) => one.id === chosen) || charts[0] || { id: "loss", title: texts.chart, note: "" };
  const series = (name) => all.filter((one) => Number.isFinite(one[name])).map((one) => [one.step, one[name]]);
  const nice = (low, high, count) => {
    const rough = (high - low || 1) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const ticks = [];
    for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) ticks.push(Number(v.toPrecision(10)));
    return ticks;
  };
  // Keeps the first, the last and the extremes of each stretch, so that a spike is never lost.
  const thin = (many) => {
    if (many.length <= MOST) return many;
    const size = many.length / (MOST / 2);
    const kept = [];
    for (let i = 0; i < MOST / 2; i++) {
      const part = many.slice(Math.floor(i * size), Math.floor((i + 1) * size));
      const low = part.reduce((a, b) => (b[1] < a[1] ? b : a));
      const high = part.reduce((a, b) => (b[1] > a[1] ? b : a));
      kept.push(...(low[0] < high[0] ? [low, high] : [high, low]));
    }
    return kept;
  };
  const measure = (width, height) => {
    const left = 44, right = 12, top = 12, bottom = 28;
    const ys = [...points, ...held].map((p) => p[1]);
    const x1 = [...points, ...held].reduce((most, p) => Math.max(most, p[0]), Math.max(total || 0, 1));
    let y0 = ys.reduce((a, b) => Math.min(a, b), Infinity), y1 = ys.reduce((a, b) => Math.max(a, b), -Infinity);
    const negative = y0 < 0;
    if (!ys.length) { y0 = 0; y1 = 1; }
    const pad = (y1 - y0 || Math.abs(y1) || 1) * 0.08;
    y0 -= pad; y1 += pad;
    if (y0 < 0 && !negative) y0 = 0;
    return {
      x: (v) => left + (v / x1) * (width - left - right),
      y: (v) => top + (1 - (v - y0) / (y1 - y0)) * (height - top - bottom),
      width, height, left, right, bottom, x1, y0, y1,
    };
  };
  const line = (some, kind) => {
    const spots = thin(some);
    const path = spots.map((p, i) => `${i ? "L" : "M"}${scale.x(p[0]).toFixed(1)} ${scale.y(p[1]).toFixed(1)}`).join("");
    const drawn = [svg("path", { d: path, class: `t-chart-line ${kind}` })];
    const dots = kind ? spots : spots.slice(-1);
    const dot = (p) => svg("circle", { cx: scale.x(p[0]), cy: scale.y(p[1]), r: kind ? 3 : 4, class: `t-chart-dot ${kind}` });
    return drawn.concat(dots.map(dot));
  };
  const draw = () => {
    const one = now();
    points = series(one.id);
    held = series("eval_" + one.id);
    title.textContent = one.title;
    note.textContent = one.note;
    legend.hidden = !held.length;
    const width = Math.max(240, frame.clientWidth || 640);
    const some = points.length + held.length > 0;
    empty.hidden = some;
    scale = measure(width, width > 560 ? 300 : 240);
    canvas.setAttribute("viewBox", `0 0 ${width} ${scale.height}`);
    canvas.setAttribute("height", scale.height);
    const label = (x, y, anchor, text) => {
      const element = svg("text", { x, y, "text-anchor": anchor, class: "t-chart-label" });
      element.textContent = text;
      return element;
    };
    const across = (y) => svg("line", { x1: scale.left, x2: width - scale.right, y1: y, y2: y, class: "t-chart-grid" });
    // Without a value yet there is nothing to measure: one line to stand on, and the sentence.
    const parts = some ? [] : [across(scale.height - scale.bottom)];
    for (const v of some ? nice(scale.y0, scale.y1, 4) : [])
      parts.push(across(scale.y(v)), label(scale.left - 8, scale.y(v) + 4, "end", String(v)));
    for (const v of some ? nice(0, scale.x1, 6) : [])
      if (Number.isInteger(v)) parts.push(label(scale.x(v), scale.height - 8, "middle", String(v)));
    if (held.length) parts.push(...line(held, "t-held"));
    if (points.length) parts.push(...line(points, ""));
    canvas.replaceChildren(...parts);
    const [first, last] = [points[0], points[points.length - 1]];
    const digits = (value) => String(Number(value.toPrecision(3)));
    const said = points.length ? { what: one.title, from: digits(first[1]), to: digits(last[1]), step: last[0] } : null;
    canvas.setAttribute("aria-label", said ? trl.fill(texts.chart_says, said) : empty.textContent);
    fillTable();
  };
  const paintSwitch = () => {
    switcher.hidden = charts.length < 2;
    const seg = (one) => h("button", { type: "button", class: "t-seg", "data-id": one.id, "aria-pressed": String(one.id === now().id),
      onclick: () => pick(one.id) }, one.title);
    switcher.replaceChildren(...(switcher.hidden ? [] : charts.map(seg)));
  };
  const pick = (id) => {
    chosen = id;
    tip.hidden = true;
    switcher.querySelectorAll(".t-seg").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.id === id)));
    draw();
  };
  frame.addEventListener("pointermove", (event) => {
    if (!points.length) return;
    const inner = scale.width - scale.left - scale.right;
    const at = ((event.clientX - frame.getBoundingClientRect().left - scale.left) / inner) * scale.x1;
    const near = points.reduce((a, b) => (Math.abs(b[0] - at) < Math.abs(a[0] - at) ? b : a));
    tip.hidden = false;
    tip.textContent = `${texts.step} ${near[0]} · ${Number(near[1].toPrecision(4))}`;
    tip.style.left = Math.min(scale.x(near[0]), scale.width - 120) + "px";
    tip.style.top = scale.y(near[1]) - 36 + "px";
  });
  frame.addEventListener("pointerleave", () => { tip.hidden = true; });
  new ResizeObserver(draw).observe(frame);
  table.addEventListener("toggle", () => fillTable());
  const fillTable = () => {
    if (!table.open) return;
    const cell = (value) => h("td", { class: "t-num" }, value === undefined ? "" : Number(value.toPrecision(5)));
    const beside = new Map(held);
    const steps = [...new Set([...thin(points), ...held].map((p) => p[0]))].sort((a, b) => a - b);
    const main = new Map(points);
    const extra = held.length > 0;
    head.replaceChildren(h("tr", {}, h("th", {}, texts.step), h("th", {}, now().title), extra && h("th", {}, texts.on_held_out)));
    body.replaceChildren(...steps.map((step) => h("tr", {},
      h("td", { class: "t-num" }, step), cell(main.get(step)), extra && cell(beside.get(step)))));
  };
  draw();
  return {
    element: whole,
    set(next, steps, offered) {
      all = next;
      total = steps;
      const before = charts.map((one) => one.id).join();
      charts = offered;
      if (charts.map((one) => one.id).join() !== before) paintSwitch();
      draw();
    },
    last(id) {
      for (let i = all.length - 1; i >= 0; i--) if (Number.isFinite(all[i][id])) return all[i][id];
      return null;
    },
    nothing(sentence) { empty.textContent = sentence; },
  };
};
