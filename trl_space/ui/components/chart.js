// The numbers of a run over its steps: one at a time, drawn as SVG, with a switch between what is measured and the same
// numbers as a table for who cannot see the line. The pointer, or the arrow keys, read the values: for a screen reader the
// picture is a slider over the steps, whose value is said in words.
// set(points, total, charts): points are {step, loss, ...}, charts [{id, title, note}] with the most telling one first.
// before(points): those of the run that this one goes on with, drawn lighter up to where it begins.
// Values on held-out rows (`eval_` before the name) are a second line in the same picture. Many values are noisy: then
// the line is their running mean, with the values themselves pale behind it.
trl.chart = (texts) => {
  const { h, svg } = trl;
  const { thin, smooth, nearest, spark } = trl.curves;
  const MOST = 400, NOISY = 150;
  let all = [], past = [], charts = [], total = null, chosen = "", scale = null;
  let points = [], mean = [], held = [], earlier = [], at = null, waiting = 0;

  const title = h("h2", { class: "t-title" });
  const note = h("p", { class: "t-small t-chart-note" });
  const switcher = h("div", { class: "t-segs t-chart-segs", role: "group", "aria-label": texts.measured, hidden: true });
  const canvas = svg("svg", { class: "t-chart", "aria-hidden": "true" });
  const mark = svg("g", { class: "t-chart-mark" });
  const tip = h("div", { class: "t-chart-tip t-num", "aria-hidden": "true", hidden: true });
  const key = (kind, text) => h("span", { class: `t-key ${kind}`, hidden: true }, text);
  const keys = {
    mean: key("", texts.on_average), each: key("t-key-each", texts.each_value), plain: key("", texts.on_training),
    held: key("t-key-held", texts.on_held_out), past: key("t-key-past", texts.earlier_run),
  };
  const legend = h("p", { class: "t-chart-legend t-small", hidden: true }, Object.values(keys));
  const body = h("tbody", {});
  const head = h("thead", {});
  const table = h("details", { class: "t-chart-table" },
    h("summary", { class: "t-small" }, texts.numbers),
    h("div", { class: "t-chart-scroll", tabindex: "0", role: "region", "aria-label": texts.numbers }, h("table", {}, head, body)));
  const rate = h("div", { class: "t-chart-rate" });
  const rates = h("details", { class: "t-chart-table", id: "trl-run-rate", hidden: true }, h("summary", { class: "t-small" }, texts.rate), rate);
  const empty = h("div", { class: "t-chart-empty t-small" }, texts.no_points);
  const frame = h("div", { class: "t-chart-frame", tabindex: "0", role: "slider", "aria-label": texts.chart_keys,
    "aria-valuemin": 0, "aria-valuenow": 0 }, canvas, tip, empty);
  const whole = h("div", {}, h("div", { class: "t-chart-top" }, title, switcher), note, frame, legend, rates, table);

  const now = () => charts.find((one) => one.id === chosen) || charts[0] || { id: "loss", title: texts.chart, note: "" };
  const series = (from, name) => from.filter((one) => Number.isFinite(one[name])).map((one) => [one.step, one[name]]);
  const { digits } = trl;
  const nice = (low, high, count) => {
    const rough = (high - low || 1) / count;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough);
    const ticks = [];
    for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) ticks.push(Number(v.toPrecision(10)));
    return ticks;
  };
  const measure = (width, height) => {
    const left = 44, right = 12, top = 12, bottom = 28;
    let x1 = Math.max(total || 0, 1), y0 = Infinity, y1 = -Infinity;
    for (const some of [points, held, earlier])
      for (const [x, y] of some) { x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y); }
    const negative = y0 < 0;
    if (y0 > y1) { y0 = 0; y1 = 1; }
    const pad = (y1 - y0 || Math.abs(y1) || 1) * 0.08;
    y0 -= pad; y1 += pad;
    if (y0 < 0 && !negative) y0 = 0;
    return {
      x: (v) => left + (v / x1) * (width - left - right),
      y: (v) => top + (1 - (v - y0) / (y1 - y0)) * (height - top - bottom),
      width, height, left, right, top, bottom, x1, y0, y1,
    };
  };
  const line = (some, kind, dots) => {
    const spots = thin(some, MOST);
    const path = spots.map((p, i) => `${i ? "L" : "M"}${scale.x(p[0]).toFixed(1)} ${scale.y(p[1]).toFixed(1)}`).join("");
    const dot = (p) => svg("circle", { cx: scale.x(p[0]), cy: scale.y(p[1]), r: kind ? 3 : 4, class: `t-chart-dot ${kind}` });
    return [svg("path", { d: path, class: `t-chart-line ${kind}` }), ...dots(spots).map(dot)];
  };
  const draw = () => {
    waiting = 0;
    const one = now();
    points = series(all, one.id);
    held = series(all, "eval_" + one.id);
    earlier = series(past, one.id).filter((p) => !points.length || p[0] < points[0][0]);
    mean = points.length > NOISY ? smooth(points) : [];
    title.textContent = one.title;
    note.textContent = one.note;
    const told = { mean: mean.length, each: mean.length, plain: !mean.length && (held.length || earlier.length), held: held.length, past: earlier.length };
    for (const [name, element] of Object.entries(keys)) element.hidden = !told[name];
    legend.hidden = !Object.values(told).some(Boolean);
    const width = Math.max(240, frame.clientWidth || 640);
    const some = points.length + held.length + earlier.length > 0;
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
      parts.push(across(scale.y(v)), label(scale.left - 8, scale.y(v) + 4, "end", digits(v, 10)));
    for (const v of some ? nice(0, scale.x1, width > 560 ? 6 : 4) : [])
      if (Number.isInteger(v)) parts.push(label(scale.x(v), scale.height - 8, v > scale.x1 * 0.97 ? "end" : "middle", trl.number(v)));
    const none = () => [], newest = (spots) => spots.slice(-1);
    if (earlier.length) {
      const x = scale.x(earlier[earlier.length - 1][0]);
      parts.push(svg("line", { x1: x, x2: x, y1: scale.top, y2: scale.height - scale.bottom, class: "t-chart-seam" }), ...line(earlier, "t-past", none));
    }
    if (mean.length) parts.push(...line(points, "t-each", none));
    if (held.length) parts.push(...line(held, "t-held", (spots) => (spots.length > 60 ? [] : spots)));
    if (points.length) parts.push(...line(mean.length ? mean : points, "", newest));
    canvas.replaceChildren(...parts, mark);
    const [first, last] = [points[0], points[points.length - 1]];
    const said = points.length ? { what: one.title, from: digits(first[1], 3), to: digits(last[1], 3), step: last[0] } : null;
    says = said ? trl.fill(texts.chart_says, said) : empty.textContent;
    frame.setAttribute("aria-valuemax", scale.x1);
    tell(at ?? 0, at === null ? says : tip.textContent);
    fillTable();
    drawRate();
    if (at !== null) read(at);
  };
  // Messages may come ten times a second, the picture is drawn once for what came meanwhile.
  const soon = () => { if (!waiting) waiting = setTimeout(draw, document.hidden ? 1000 : 40); };
  const paintSwitch = () => {
    switcher.hidden = charts.length < 2;
    const seg = (one) => h("button", { type: "button", class: "t-seg", "data-id": one.id, "aria-pressed": String(one.id === now().id),
      onclick: () => pick(one.id) }, one.title);
    switcher.replaceChildren(...(switcher.hidden ? [] : charts.map(seg)));
  };
  const pick = (id) => {
    chosen = id;
    leave();
    switcher.querySelectorAll(".t-seg").forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.id === id)));
    draw();
  };

  // --- reading values: by the pointer, or by the arrow keys ---
  let says = "";
  function tell(step, words) {
    frame.setAttribute("aria-valuenow", step);
    frame.setAttribute("aria-valuetext", words);
  }
  const readable = () => [...earlier, ...points];
  const read = (step) => {
    const some = readable();
    if (!some.length) return;
    const spot = nearest(some, step);
    const near = some[spot];
    at = near[0];
    const words = [`${texts.step} ${trl.number(near[0])}`, digits(near[1], 4)];
    const even = mean[spot - earlier.length];
    if (even) words.push(`${texts.on_average} ${digits(even[1], 4)}`);
    const beside = held.length ? held[nearest(held, near[0])] : null;
    if (beside && beside[0] === near[0]) words.push(`${texts.on_held_out} ${digits(beside[1], 4)}`);
    tip.hidden = false;
    tip.textContent = words.join(" · ");
    tell(at, tip.textContent);
    const [x, y] = [scale.x(near[0]), scale.y(near[1])];
    tip.style.left = Math.max(0, Math.min(x - tip.offsetWidth / 2, scale.width - tip.offsetWidth)) + "px";
    tip.style.top = (y < 60 ? y + 14 : y - 40) + "px";
    mark.replaceChildren(svg("line", { x1: x, x2: x, y1: scale.top, y2: scale.height - scale.bottom, class: "t-chart-cross" }),
      svg("circle", { cx: x, cy: y, r: 4, class: "t-chart-dot" }));
  };
  const leave = () => { at = null; tip.hidden = true; mark.replaceChildren(); tell(0, says); };
  const step = (by) => {
    const some = readable();
    if (!some.length) return;
    const from = at !== null ? nearest(some, at) : by > 0 ? -1 : some.length;
    read(some[Math.max(0, Math.min(from + by, some.length - 1))][0]);
  };
  const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -20, PageUp: 20, Home: -Infinity, End: Infinity };
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return leave();
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    step(KEYS[event.key]);
  });
  frame.addEventListener("pointermove", (event) => {
    const inner = scale.width - scale.left - scale.right;
    read(((event.clientX - frame.getBoundingClientRect().left - scale.left) / inner) * scale.x1);
  });
  frame.addEventListener("pointerleave", leave);
  frame.addEventListener("blur", leave);
  new ResizeObserver(draw).observe(frame);

  // --- what is folded: the learning rate, and all of it as a table ---
  const drawRate = () => {
    const some = series(all, "learning_rate");
    rates.hidden = some.length < 2;
    if (!rates.open || rates.hidden) return;
    const last = some[some.length - 1];
    const most = some.reduce((high, p) => Math.max(high, p[1]), 0);
    rate.replaceChildren(spark(some, Math.max(200, frame.clientWidth - 8), 64),
      h("p", { class: "t-small t-num" }, trl.fill(texts.rate_says, { most: digits(most, 3), last: digits(last[1], 3), step: trl.number(last[0]) })));
  };
  rates.addEventListener("toggle", drawRate);
  table.addEventListener("toggle", () => fillTable());
  const fillTable = () => {
    if (!table.open) return;
    const cell = (value) => h("td", { class: "t-num" }, value === undefined ? "" : digits(value, 5));
    const beside = new Map(held);
    const steps = [...new Set([...thin(readable(), MOST), ...held].map((p) => p[0]))].sort((a, b) => a - b);
    const main = new Map(readable());
    const extra = held.length > 0;
    const col = (text) => h("th", { scope: "col" }, text);
    head.replaceChildren(h("tr", {}, col(texts.step), col(now().title), extra && col(texts.on_held_out)));
    body.replaceChildren(...steps.map((step) => h("tr", {},
      h("th", { scope: "row", class: "t-num" }, step), cell(main.get(step)), extra && cell(beside.get(step)))));
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
      soon();
    },
    before(points) { past = points; soon(); },
    last(id) {
      for (let i = all.length - 1; i >= 0; i--) if (Number.isFinite(all[i][id])) return all[i][id];
      return null;
    },
    nothing(sentence) { empty.textContent = sentence; },
  };
};
