// What will happen: one sentence, the checks, two prices.
// value: {sentence: [[text, strong]], changes: null | {text, items: [{name, label, value}]}, checks: [{id, level, title, reason, items, todo, fix}], prices}; `todo`: not wrong, only not done yet.
// looked: the check that the visitor was led away for and that was looked at anew, in the answer to that alone.
// prices: {likely, likely_note, most, most_note, startup}; a fix is {kind: "focus" | "link" | "signin" | "set", label, target, url, check}.
trl.parts.summary = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  // The server does what a check offers; only the check's name goes there.
  trl.change = (check) => { trl.touch(); trl.state.mend = check; trigger("mend"); };
  const sentence = h("p", { class: "t-sentence" });
  const list = h("ul", { class: "t-checks", "aria-label": texts.checks });
  const prices = h("dl", { class: "t-prices" });
  const said = h("p", { class: "t-sr", role: "status" });
  const changes = h("div", { class: "t-changes", id: "trl-changes" });
  const aloud = h("p", { class: "t-sr", role: "status", id: "trl-checks-aloud" });
  element.append(h("h2", { class: "t-title" }, texts.title), sentence, changes, list, said, prices);
  // On a narrow window this part is folded away, and what is folded away is silent.
  document.getElementById(aloud.id)?.remove();
  if (trl.view === "form" || trl.view === "scripts") element.closest(".gradio-container").append(aloud);

  // A licence is accepted, and a card is added, on another page. Whoever comes back from there finds the check looked at
  // anew: once for each time they come back, for as long as it is there.
  let led = null; // {id, away, asked: when the Hub was asked, busy: until it answers}
  let solved = null; // the check that is gone since, which is shown for a moment
  trl.leave = (id) => { led = { id, away: false, asked: 0, busy: false }; };
  const gone = () => { if (led) led.away = true; };
  const back = () => {
    if (!led?.away || document.visibilityState === "hidden" || (led.busy && Date.now() - led.asked < 30000)) return;
    Object.assign(led, { away: false, busy: true, asked: Date.now() });
    trl.touch();
    said.textContent = texts.looking;
    trl.state.mend = led.id;
    trigger("again");
  };
  addEventListener("blur", gone);
  addEventListener("focus", back);
  document.addEventListener("visibilitychange", () => (document.visibilityState === "hidden" ? gone() : back()));
  const looked = (value, before) => {
    if (!led || value.looked !== led.id) return;
    led.busy = false;
    if (value.checks.some((one) => one.id === led.id)) {
      said.textContent = texts.still;
      return;
    }
    const title = trl.fill(texts.solved, { title: before?.find((one) => one.id === led.id)?.title || "" });
    said.textContent = title;
    solved = { id: led.id, level: "fine", title };
    led = null;
    setTimeout(() => { solved = null; paint(); }, 6000);
  };

  // The first thing in the way explains itself; what else is in the way waits with its title.
  const check = (one, i) => {
    const kind = one.todo ? "todo" : one.level;
    const explains = one.reason && one.level !== "fine" && (i === 0 || one.level !== "blocks");
    const mine = led?.id === one.id;
    return h("li", { class: `t-check t-check-${kind}`, "aria-busy": mine && led.busy, "data-check": one.id, "data-level": one.level },
      icon({ fine: "ok", blocks: "blocks", warns: "warns", todo: "todo" }[kind] || "asked"),
      h("span", { class: "t-check-text" },
        h("span", { class: "t-sr" }, texts[kind] + ": "),
        h("span", { class: "t-check-title" }, one.title),
        explains ? h("span", { class: "t-small" }, mine && led.asked && !led.busy ? texts.still + " " : "", one.reason) : null,
        one.items ? h("ul", { class: "t-check-items", tabindex: "0", "aria-label": one.title }, one.items.map((item) => h("li", { class: "t-mono" }, item))) : null),
      one.fix ? trl.fix(one.fix) : null);
  };
  const price = (word, amount, note, strong) => [
    h("dt", {}, word),
    h("dd", { class: "t-num t-small" }, note),
    h("dd", { class: "t-num t-price" }, strong ? h("strong", {}, amount) : amount),
  ];
  const wait = () => {
    sentence.replaceChildren(trl.bone("100%", "15px"), trl.bone("86%", "15px"), trl.bone("58%", "15px"));
    list.replaceChildren(...[70, 58].map((w) =>
      h("li", { class: "t-check" }, trl.bone("18px", "18px"), trl.bone(w + "%", "15px"))));
    prices.replaceChildren(
      ...price(texts.likely, trl.bone("56px", "16px"), ""),
      ...price(texts.most, trl.bone("56px", "16px"), ""));
  };
  // What is in the way, and what is doubtful, is said aloud once no more facts come for a moment, and only when it changed.
  let saying = 0;
  const tell = (open, words) => {
    clearTimeout(saying);
    const text = open.map((one) => `${texts[one.todo ? "todo" : one.level]}: ${one.title}`).join(". ") || words;
    saying = setTimeout(() => { if (aloud.textContent !== text) aloud.textContent = text; }, 1000);
  };

  let before = null; // the checks that were shown last
  // Nothing is put in the place of what is being pressed: the press would be lost.
  let pressed = false, late = false;
  element.addEventListener("pointerdown", () => { pressed = true; });
  const released = () => setTimeout(() => {
    pressed = false;
    if (late) paint();
  });
  addEventListener("pointerup", released);
  addEventListener("pointercancel", released);
  const paint = () => {
    const value = props.value;
    late = pressed;
    if (pressed) return;
    if (!value) return wait();
    looked(value, before);
    before = value.checks;
    const unfolded = changes.querySelector("details")?.open;
    changes.replaceChildren(value.changes ? h("details", { open: unfolded }, h("summary", {}, value.changes.text), h("ul", {},
      value.changes.items.map((one) => h("li", { "data-name": one.name }, h("span", {}, one.label), " ", h("span", { class: "t-num" }, one.value))))) : "");
    sentence.replaceChildren(...value.sentence.map(([text, strong]) => (strong ? h("strong", {}, text) : text)));
    // What is in the way comes first, as the button says; what is fine needs one quiet line, not one each.
    const blocks = value.checks.filter((one) => one.level === "blocks");
    const open = [...blocks, ...value.checks.filter((one) => one.level !== "fine" && one.level !== "blocks")];
    const fine = value.checks.filter((one) => one.level === "fine");
    const words = trl.fill(fine.length === 1 ? texts.fine_one : texts.fine_many, { n: fine.length });
    const fold = h("li", { class: "t-check-fold" },
      h("details", {}, h("summary", {}, icon("ok"), words), h("ul", {}, fine.map(check))));
    list.replaceChildren(...(solved ? [check(solved)] : []), ...open.map(check), ...(fine.length ? [fold] : []));
    tell(open, words);
    const { likely, likely_note, most, most_note, startup } = value.prices;
    prices.replaceChildren(
      ...price(texts.likely, likely, likely_note),
      ...price(texts.most, most, most_note, true),
      h("dd", { class: "t-num t-small t-startup" }, startup || ""));
  };
  paint();
  watch("value", paint);
};

// A button or link that mends a check.
trl.fix = (fix, primary) => {
  const { h, icon } = trl;
  const url = fix.kind === "link" && trl.safeUrl(fix.url);
  const style = primary ? "t-btn t-primary" : "t-btn t-fix";
  if (fix.kind === "link" && !url) return null;
  if (url) return h("a", { class: style, href: url, target: "_blank", rel: "noopener", onclick: () => trl.leave(fix.check) }, fix.label, icon("out"));
  return h("button", { type: "button", class: style, onclick: () => trl.mend(fix) }, fix.label);
};
trl.mend = (fix) => {
  if (fix.kind === "signin") return trl.signIn();
  if (fix.kind === "link" && trl.safeUrl(fix.url)) {
    trl.leave(fix.check);
    return window.open(trl.safeUrl(fix.url), "_blank", "noopener");
  }
  if (fix.kind === "set") return trl.change(fix.check);
  if (fix.target) trl.go(fix.target);
};
