// What will happen: one sentence, the checks, two prices. value: {sentence: [[text, strong]], checks: [{id, level, title, reason, fix}], prices}
// prices: {likely, likely_note, most, most_note}; a fix is {kind: "focus" | "link" | "signin" | "set", label, target, url, check}.
trl.parts.summary = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  // The server does what a check offers; only the check's name goes there.
  trl.change = (check) => { trl.touch(); props.value = { ...props.value, mend: check }; trigger("mend"); };
  const sentence = h("p", { class: "t-sentence" });
  const list = h("ul", { class: "t-checks", "aria-label": texts.checks });
  const prices = h("dl", { class: "t-prices" });
  element.append(h("h2", { class: "t-title" }, texts.title), sentence, list, prices);
  // The first thing in the way explains itself; what comes after it waits with its title.
  const check = (one, i) => h("li", { class: `t-check t-check-${one.level}`, "data-check": one.id, "data-level": one.level },
    icon({ fine: "ok", blocks: "blocks", warns: "warns" }[one.level] || "unknown"),
    h("span", { class: "t-check-text" }, h("span", { class: "t-sr" }, texts[one.level] + ": "), h("span", { class: "t-check-title" }, one.title),
      one.reason && (i === 0 || one.level === "warns" || one.level === "unknown") && one.level !== "fine" ? h("span", { class: "t-small" }, one.reason) : null),
    one.fix ? trl.fix(one.fix) : null);
  const price = (word, amount, note, strong) => [h("dt", {}, word), h("dd", { class: "t-num t-small" }, note), h("dd", { class: "t-num t-price" }, strong ? h("strong", {}, amount) : amount)];
  const paint = () => {
    const value = props.value;
    if (!value) {
      sentence.replaceChildren(trl.bone("100%", "15px"), trl.bone("86%", "15px"), trl.bone("58%", "15px"));
      list.replaceChildren(...[70, 58, 64, 50].map((w) => h("li", { class: "t-check" }, trl.bone("18px", "18px"), trl.bone(w + "%", "15px"))));
      prices.replaceChildren(...price(texts.likely, trl.bone("56px", "16px"), ""), ...price(texts.most, trl.bone("56px", "16px"), ""));
      return;
    }
    sentence.replaceChildren(...value.sentence.map(([text, strong]) => (strong ? h("strong", {}, text) : text)));
    // What is fine needs one quiet line, not one each.
    const open = value.checks.filter((one) => one.level !== "fine");
    const fine = value.checks.filter((one) => one.level === "fine");
    list.replaceChildren(...open.map(check), ...(fine.length ? [h("li", { class: "t-check-fold" }, h("details", {},
      h("summary", {}, icon("ok"), trl.fill(fine.length === 1 ? texts.fine_one : texts.fine_many, { n: fine.length })), h("ul", {}, fine.map(check))))] : []));
    prices.replaceChildren(...price(texts.likely, value.prices.likely, value.prices.likely_note), ...price(texts.most, value.prices.most, value.prices.most_note, true));
  };
  paint();
  watch("value", paint);
};

// A button or link that mends a check.
trl.fix = (fix, primary) => {
  const { h, icon } = trl;
  const url = fix.kind === "link" && trl.safeUrl(fix.url);
  const style = primary ? "t-btn t-primary" : "t-btn t-fix";
  if (fix.kind === "link") return url ? h("a", { class: style, href: url, target: "_blank", rel: "noopener" }, fix.label, icon("out")) : null;
  return h("button", { type: "button", class: style, onclick: () => trl.mend(fix) }, fix.label);
};
trl.mend = (fix) => {
  if (fix.kind === "signin") return trl.signIn();
  if (fix.kind === "link" && trl.safeUrl(fix.url)) return window.open(trl.safeUrl(fix.url), "_blank", "noopener");
  if (fix.kind === "set") return trl.change(fix.check);
  if (fix.target) trl.go(fix.target);
};
