// What the pages with a list share: a choice above it, and what stands there while there is nothing to show.
trl.lists = (() => {
  const { h, icon } = trl;
  return {
    // {box, field}: a menu of [[value, words]] and the label that holds it.
    choice(id, label, choices, changed) {
      const box = h("select", { id, onchange: changed }, choices.map(([value, text]) => h("option", { value }, text)));
      return { box, field: h("label", { class: "t-runs-field" }, h("span", { class: "t-small" }, label), box) };
    },
    empty: (sign, title, text, ...acts) => h("div", { class: "t-empty" }, icon(sign), title && h("h2", { class: "t-title" }, title),
      text && h("p", {}, text), h("div", { class: "t-empty-acts" }, acts)),
    button: (text, act, kind = "") => h("button", { type: "button", class: `t-btn ${kind}`, onclick: act }, text),
  };
})();
