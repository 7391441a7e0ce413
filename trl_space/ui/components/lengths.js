// How long the rows are in tokens, as bars, with the limit at which they are cut.
// value: {state: "empty" | "loading" | "none" | "ok", sentence, tone: "ok" | "warns", notes: [text], limit,
// bars: [{rows, height: 0..1, text, cut, start, end}]}. The same numbers stand in a table for who cannot see the bars.
trl.parts.lengths = ({ element, props, watch, texts }) => {
  const { h, icon, svg } = trl;
  const HEIGHT = 56;
  const frame = h("section", { class: "t-lengths", "aria-label": texts.label });
  element.append(frame);

  const picture = (value) => {
    const canvas = svg("svg", { class: "t-lengths-bars", viewBox: `0 0 ${value.bars.length * 10} ${HEIGHT}`,
      preserveAspectRatio: "none", "aria-hidden": "true" });
    value.bars.forEach((bar, i) => {
      const tall = bar.rows ? Math.max(3, bar.height * (HEIGHT - 2)) : 0;
      canvas.append(svg("rect", { x: i * 10 + 1, width: 8, y: HEIGHT - tall, height: tall, class: bar.cut ? "t-bar-cut" : "t-bar" }));
    });
    const first = value.bars.findIndex((bar) => bar.cut);
    const place = value.limit ? (first < 0 ? value.bars.length : first) / value.bars.length : null;
    const mark = place === null ? null : h("span", { class: `t-lengths-mark ${place > 0.6 ? "t-lengths-left" : ""}`,
      style: `left:${(place * 100).toFixed(2)}%` }, h("span", {}, trl.fill(texts.limit, { limit: value.limit })));
    const ends = h("div", { class: "t-lengths-ends t-small t-num", "aria-hidden": "true" }, h("span", {}, value.bars[0].start),
      h("span", {}, value.bars[value.bars.length - 1].end));
    return h("div", { class: "t-lengths-picture" }, h("div", { class: "t-lengths-frame" }, canvas, mark), ends);
  };
  const table = (value) => h("table", { class: "t-sr" }, h("caption", {}, texts.label),
    h("thead", {}, h("tr", {}, [texts.tokens, texts.rows, texts.rows_cut].map((word) => h("th", { scope: "col" }, word)))),
    h("tbody", {}, value.bars.map((bar) => h("tr", {}, h("th", { scope: "row" }, bar.text), h("td", {}, bar.rows),
      h("td", {}, bar.cut ? bar.rows : 0)))));
  const paint = () => {
    const value = props.value || { state: "empty" };
    frame.hidden = value.state === "empty";
    if (frame.hidden) return;
    if (value.state === "loading") {
      frame.replaceChildren(h("p", { class: "t-lengths-sentence" }, trl.bone("min(260px, 80%)", "18px")),
        h("div", { class: "t-lengths-picture" }, h("div", { class: "t-lengths-frame" }, trl.bone("100%", "56px")),
          h("div", { class: "t-lengths-ends" }, trl.bone("60px", "13px"))),
        h("p", { class: "t-lengths-notes t-small" }, trl.bone("min(320px, 90%)", "13px")), h("span", { class: "t-sr" }, texts.loading));
      return;
    }
    const sign = value.state === "none" ? "unknown" : value.tone;
    frame.replaceChildren(
      h("p", { class: `t-lengths-sentence t-lengths-${sign}` }, icon(sign), h("span", {}, value.sentence)),
      value.state === "ok" ? picture(value) : "",
      value.state === "ok" ? table(value) : "",
      value.notes.length ? h("p", { class: "t-lengths-notes t-small" }, value.notes.join(" ")) : "",
    );
  };
  paint();
  watch("value", paint);
};
