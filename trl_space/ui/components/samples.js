// What the model answered before and after the training, as a table; on phones each row is a small card of its own.
// set(value): null, or {title, note, heads: [text], rows: [[{text, mark}]], finished, more, less}. All words come with it.
trl.samples = () => {
  const { h, icon } = trl;
  const LONG = 280;
  const whole = h("section", { class: "t-card t-samples", id: "trl-samples", hidden: true });
  let open = false, drawn = null;

  const cell = (one, head) => h("td", { role: "cell", "data-head": head },
    one.mark && h("span", { class: "t-badge t-samples-mark" }, one.mark), h("div", { class: "t-samples-text" }, one.text));
  const row = (cells, heads) => h("tr", { role: "row" }, cells.map((one, i) => cell(one, heads[i])));
  return {
    element: whole,
    set(value) {
      whole.hidden = !value;
      if (!value || value === drawn) return;
      drawn = value;
      const heads = h("tr", { role: "row" }, value.heads.map((one) => h("th", { scope: "col", role: "columnheader" }, one)));
      const table = h("table", { role: "table", class: open ? "" : "t-samples-short" },
        h("thead", { role: "rowgroup" }, heads),
        h("tbody", { role: "rowgroup" }, value.rows.map((cells) => row(cells, value.heads))));
      const long = value.rows.some((cells) => cells.some((one) => one.text.length > LONG));
      const turn = () => {
        open = !open;
        table.classList.toggle("t-samples-short", !open);
        words();
      };
      const button = h("button", { type: "button", class: "t-btn t-quiet", onclick: turn });
      const words = () => {
        button.setAttribute("aria-expanded", String(open));
        button.replaceChildren(icon(open ? "up" : "down"), open ? value.less : value.more);
      };
      words();
      whole.replaceChildren(h("h2", { class: "t-title" }, value.title), h("p", { class: "t-small t-chart-note" }, value.note),
        table, long ? button : "");
    },
  };
};
