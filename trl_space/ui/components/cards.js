// Choices as cards, one of them chosen: goals, presets, machines. A radio group with arrow keys.
// value: the visitor's own choice ("" = what is recommended); effective: what counts now;
// fits: the ids that the data fits, best first; options: null while they are being read, else [{id, title, text, code, price, mark, badges: [{icon, text, tone}], off, parts}].
// `parts` of a machine are for memory.js.
trl.parts.cards = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  const group = h("div", { class: `t-cards t-cards-${props.kind}`, role: "radiogroup", "aria-label": texts.label });
  const more = h("button", { type: "button", class: "t-btn t-quiet t-cards-more", onclick: () => { all = !all; paint(); } });
  const about = h("p", { class: "t-small t-cards-about" });
  const memory = props.kind === "machine" ? trl.memory(props, group, texts) : null;
  let all = false;
  element.append(h("span", { class: "t-label" }, texts.label), memory?.frame || group, about, more, memory?.here || "");

  const chosen = () => props.value || props.effective || "";
  const pick = (id) => {
    if (id === chosen() && props.value) return;
    props.value = id;
    trl.touch();
    paint();
    group.querySelector("[aria-checked=true]")?.focus();
    trigger("choose");
  };
  const badge = (one) => h("span", { class: `t-badge ${one.tone ? "t-" + one.tone : ""}` }, one.icon && icon(one.icon), one.text);
  const card = (option, on, stop) => {
    // Of the goals that the data fits, the first fits best; the others are as they always are, and the rest steps back.
    const best = props.fits?.[0] === option.id ? [{ icon: "ok", text: texts.fits, tone: "good" }] : [];
    const marks = [...(option.badges || []), ...best];
    const off = option.off || (props.fits?.length && !props.fits.includes(option.id));
    const badges = marks.length ? h("span", { class: "t-choice-badges" }, marks.map(badge)) : null;
    const code = option.code ? ` · ${option.code}` : null;
    const mark = option.mark ? badge(option.mark) : null;
    return h(
      "button", { type: "button", class: `t-choice ${off ? "t-off" : ""}`, role: "radio", "data-id": option.id,
        "aria-checked": String(on), tabindex: stop ? 0 : -1, onclick: () => pick(option.id) },
      h("span", { class: "t-choice-top" },
        h("span", { class: "t-choice-name" }, h("span", { class: "t-choice-title" }, option.title), mark),
        option.price && h("span", { class: "t-choice-price t-num" }, option.price)),
      h("span", { class: "t-choice-under" }, option.text && h("span", { class: "t-choice-text" }, option.text, code), badges),
    );
  };
  const bone = () => h("span", { class: "t-choice t-choice-bone" }, trl.bone("60%", "16px"), trl.bone("85%", "13px"));
  const paint = () => {
    const options = props.options;
    // Which fields belong to a goal is a matter of style: the page's root names it (see assets.py).
    if (props.kind === "goal") document.documentElement.dataset.goal = chosen();
    more.hidden = true;
    // On a narrow window each card is a line of its own: half as many are enough.
    const short = Math.ceil(props.limit / (matchMedia("(max-width: 900px)").matches ? 2 : 1)) || options?.length || props.bones;
    if (!options) {
      group.setAttribute("aria-busy", "true");
      group.replaceChildren(...Array.from({ length: short }, bone));
      return;
    }
    group.removeAttribute("aria-busy");
    if (!options.length) return group.replaceChildren(h("span", { class: "t-small" }, props.nothing || texts.nothing || ""));
    const now = chosen();
    const shown = all ? options : options.filter((option, i) => i < short || option.id === now);
    if (props.kind === "method") about.textContent = options.find((option) => option.id === now)?.text || "";
    const stop = shown.some((option) => option.id === now) ? now : shown[0].id;
    memory?.paint(now);
    // Cards are made anew when facts arrive: whoever is among them with the keyboard stays where they were.
    const at = group.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    group.replaceChildren(...shown.map((option) => card(option, option.id === now, option.id === stop)));
    if (at) [...group.children].find((one) => one.dataset.id === at)?.focus({ preventScroll: true });
    if (options.length > short) {
      more.hidden = false;
      more.replaceChildren(icon(all ? "up" : "down"), all ? texts.fewer : trl.fill(texts.all, { n: options.length }));
      more.setAttribute("aria-expanded", String(all));
    }
  };
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...group.querySelectorAll("[role=radio]")];
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    if (next) pick(next.dataset.id);
  });
  paint();
  watch(["value", "options", "effective", "nothing", "fits"], paint);
};
