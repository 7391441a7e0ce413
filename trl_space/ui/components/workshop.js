// A ceiling on the price, and the group that a run belongs to; from a link or typed here. value: {max_usd, group}.
// What is set stands in view with a way to take it away; the fields themselves are folded, with what a workshop's link can
// lock and the link itself, which the launch part's value holds (`trl.shown.workshop`).
trl.parts.workshop = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  const mine = trl.own(props);
  const set = (changed) => { mine.set({ ...props.value, ...changed }); paint(); trigger("choose"); };
  const said = h("div", { class: "t-workshop-said" });
  const most = h("input", { class: "t-input", id: "trl-max_usd", type: "text", inputmode: "decimal", autocomplete: "off",
    "aria-describedby": "trl-max_usd-why", placeholder: texts.most_hint, onchange: () => set({ max_usd: most.value.trim().replace(",", ".").replace(/^\$|\s*\$$/, "") || null }) });
  const group = h("input", { class: "t-input", id: "trl-group", type: "text", autocomplete: "off", spellcheck: "false", maxlength: "40",
    placeholder: texts.group_hint, onchange: () => set({ group: group.value.trim() }) });
  const field = (label, input, why, id) => h("label", { class: "t-workshop-field" }, h("span", { class: "t-label" }, label), input,
    why ? h("span", { class: "t-small", id }, why) : null);
  const locks = ["model", "dataset", "trainer", "preset", "settings", "flavor", "timeout", "namespace"].map((name) =>
    [name, h("input", { type: "checkbox", id: `trl-lock-${name}` })]);
  const copy = h("button", { type: "button", class: "t-btn", id: "trl-workshop-copy", onclick: async () => {
    const names = locks.filter(([, box]) => box.checked).map(([name]) => name);
    const query = [trl.shown?.workshop, names.length ? "lock=" + names.join(",") : ""].filter(Boolean).join("&");
    const done = await trl.copy(new URL(location.pathname + "?" + query, location.href).href);
    copy.replaceChildren(icon(done ? "ok" : "warns"), done ? texts.copied : texts.not_copied);
    setTimeout(calm, 2000);
  } });
  const calm = () => copy.replaceChildren(icon("link"), texts.copy);
  const fold = h("details", {}, h("summary", {}, texts.title), h("p", { class: "t-small" }, texts.about),
    field(texts.most, most, texts.most_why, "trl-max_usd-why"), field(texts.group, group, texts.group_why),
    h("fieldset", { class: "t-workshop-locks" }, h("legend", { class: "t-label" }, texts.lock),
      locks.map(([name, box]) => h("label", {}, box, texts[`lock_${name}`]))),
    h("p", { class: "t-small" }, texts.lock_why), copy);
  element.append(h("div", { class: "t-workshop" }, said, fold));

  const line = (sign, text, ...acts) => h("div", { class: "t-workshop-line" }, icon(sign), h("span", {}, text), h("div", {}, acts));
  const drop = (id, changed) => h("button", { type: "button", class: "t-btn t-fix", id, onclick: () => { set(changed); fold.querySelector("summary").focus(); } }, texts.remove);
  const paint = () => {
    const value = props.value || {};
    const usd = Number(value.max_usd);
    said.replaceChildren(...[
      value.max_usd ? line("lock", trl.fill(texts.most_said, { usd: usd ? trl.money(usd) : value.max_usd }), drop("trl-drop-ceiling", { max_usd: null })) : null,
      value.group ? line("user", trl.fill(texts.group_said, { group: value.group }),
        h("a", { class: "t-btn t-fix", id: "trl-group-runs", href: trl.page("view=runs&group=" + encodeURIComponent(value.group)) }, texts.wall),
        drop("trl-drop-group", { group: "" })) : null,
    ].filter(Boolean));
    if (document.activeElement !== most) most.value = value.max_usd ?? "";
    if (document.activeElement !== group) group.value = value.group || "";
  };
  calm();
  paint();
  watch("value", () => { mine.arrived(); paint(); });
};
