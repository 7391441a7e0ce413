// What was found in the rows, and which column is what: one dropdown for each part where there is a choice.
// value: {state: "empty" | "loading" | "fits" | "fits_not", found, problems: [text], why, goals, parts, more, choices};
// `more` are parts that need no column. A part: {name, label, value, options: [{id, text}]}. `choices` are the visitor's
// own, {name: option}: a change adds to them and triggers `choose`; the rest is left to what the rows say.
trl.parts.mapping = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  const frame = h("section", { class: "t-mapping", "aria-label": texts.label });
  element.append(frame);
  let opened = false, painting = false, last = "";

  const pick = (part, option) => {
    last = part.name;
    props.value = { ...props.value, choices: { ...props.value.choices, [part.name]: option } };
    trl.touch();
    trigger("choose");
  };
  const field = (part) => {
    const id = `trl-map-${part.name}`;
    const select = h("select", { id, class: "t-select", "data-part": part.name, onchange: () => pick(part, select.value),
      onblur: () => { if (!painting && !frame.hidden) last = ""; } },
      part.options.map((one) => h("option", { value: one.id, selected: one.id === part.value }, one.text)));
    return h("div", { class: "t-mapping-field" }, h("label", { for: id }, part.label), h("span", { class: "t-select-frame" }, select));
  };
  const more = (parts) => {
    const details = h("details", { class: "t-mapping-more", open: opened }, h("summary", { class: "t-small" }, texts.more),
      h("div", { class: "t-mapping-fields" }, parts.map(field)));
    details.addEventListener("toggle", () => { opened = details.open; });
    return details;
  };
  const paint = () => {
    const value = props.value || { state: "empty" };
    frame.hidden = value.state === "empty" || value.state === "loading";
    if (frame.hidden) return;
    const fits = value.state === "fits";
    const problem = (text) => h("p", { class: "t-mapping-line t-mapping-warns" }, icon("warns"), h("span", {}, text));
    const lost = !document.activeElement || document.activeElement === document.body || frame.contains(document.activeElement);
    painting = true; // a field that is taken away and drawn anew was not left
    frame.replaceChildren(
      value.found ? h("p", { class: "t-mapping-line" }, icon("table"), h("span", {}, value.found)) : "",
      fits ? "" : h("p", { class: "t-mapping-line t-mapping-bad", role: "status" }, icon("blocks"),
        h("span", {}, value.why, value.goals && ` ${value.goals}`)),
      ...value.problems.map(problem),
      value.parts.length ? h("div", { class: "t-mapping-fields" }, value.parts.map(field)) : "",
      value.more.length ? more(value.more) : "",
    );
    painting = false;
    // Who chose with the keyboard goes on where they were.
    if (last && lost) frame.querySelector(`select[data-part="${CSS.escape(last)}"]`)?.focus({ preventScroll: true });
  };
  paint();
  watch("value", paint);
};
