// How answers are scored, for goals that learn from a score: any of a list of rules, each with its weight, and a model that
// scores. value: {chosen: [[id, argument, weight]] or null while nobody chose, model: bool, turn}; effective: what counts while
// nobody chose, in the same form; proposed: whether that is a proposal of this page; options: [] for goals without scores,
// else [{id, title, help, argument, kind: "none" | "text" | "range", missing, here}]; those that are not `here` can only be
// computed in the job and stay folded until asked for. Every change triggers `choose`.
trl.parts.rewards = ({ element, props, trigger, watch, texts }) => {
  const { h, icon, fill } = trl;
  let drawn = "";
  let timer = null;
  let unfolded = false;
  const mine = trl.own(props);
  const chosen = () => props.value?.chosen || props.effective || [];
  const say = (list, judged, wait) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      mine.set({ chosen: list, model: judged });
      trigger("choose");
      paint();
    }, wait || 0);
  };
  const model = () => props.value?.model === true;
  const set = (id, entry, wait) => {
    const others = chosen().filter(([name]) => name !== id);
    const place = chosen().findIndex(([name]) => name === id);
    const next = entry ? (place < 0 ? [...others, entry] : chosen().map((one) => (one[0] === id ? entry : one))) : others;
    say(next, model(), wait);
  };
  const option = (one) => {
    const taken = chosen().find(([id]) => id === one.id);
    const id = `trl-reward-${one.id}`;
    const box = h("input", { type: "checkbox", id, "aria-describedby": `${id}-help`, onchange: () => set(one.id, box.checked ? [one.id, "", 1] : null) });
    box.checked = Boolean(taken);
    const proposed = taken && !props.value?.chosen && props.proposed;
    const text = h("div", { class: "t-reward-text" },
      h("label", { class: "t-reward-head", for: id }, box, h("span", { class: "t-choice-title" }, one.title),
        proposed ? h("span", { class: "t-badge t-mark" }, icon("star"), texts.recommended) : null),
      h("p", { class: "t-small", id: `${id}-help` }, proposed ? `${texts.proposed} ${one.help}` : one.help),
      taken && one.missing ? h("p", { class: "t-reward-wrong" }, icon("warns"), one.missing) : null);
    const fields = [];
    if (taken) {
      const entry = [...taken];
      const weight = h("input", { class: "t-input t-num", type: "number", step: "any", min: -100, max: 100, value: entry[2],
        "aria-label": fill(texts.weight_of, { title: one.title }), id: `${id}-weight`,
        oninput: () => weigh(400), onchange: () => weigh(0) });
      const weigh = (wait) => {
        if (!Number.isFinite(weight.valueAsNumber)) return;
        entry[2] = weight.valueAsNumber;
        set(one.id, entry, wait);
      };
      if (one.kind !== "none") {
        const argument = h("input", { class: "t-input", type: "text", value: entry[1], id: `${id}-argument`, maxlength: 200, autocomplete: "off",
          "aria-label": fill(texts.argument_of, { argument: one.argument, title: one.title }), "aria-invalid": String(!entry[1]),
          oninput: () => { entry[1] = argument.value; set(one.id, entry, 500); },
          onchange: () => { entry[1] = argument.value; set(one.id, entry, 0); } });
        fields.push(h("span", { class: "t-reward-field t-reward-wide" }, h("span", { class: "t-small", "aria-hidden": "true" }, one.argument), argument));
      }
      fields.push(h("span", { class: "t-reward-field" }, h("span", { class: "t-small", "aria-hidden": "true" }, texts.weight), weight));
      if (one.kind !== "none" && !entry[1]) text.append(h("p", { class: "t-reward-wrong" }, icon("warns"), texts.incomplete));
    }
    return h("div", { class: `t-reward ${taken ? "t-on" : ""}`, "data-id": one.id }, text,
      fields.length ? h("div", { class: "t-reward-fields" }, fields) : null);
  };
  const judge = () => {
    const box = h("input", { type: "checkbox", id: "trl-reward-of-model", onchange: () => say(chosen(), box.checked) });
    box.checked = model();
    return h("div", { class: `t-reward ${box.checked ? "t-on" : ""}` }, h("div", { class: "t-reward-text" },
      h("label", { class: "t-reward-head", for: "trl-reward-of-model" }, box, h("span", { class: "t-choice-title" }, texts.model)),
      h("p", { class: "t-small" }, texts.model_help)));
  };
  const paint = () => {
    const options = props.options;
    const now = JSON.stringify([props.value, props.effective, props.proposed, options]);
    if (now === drawn || timer) return; // what is being typed is drawn once it is said
    drawn = now;
    if (!options?.length) return element.replaceChildren();
    const active = element.contains(document.activeElement) ? document.activeElement : null;
    const range = active && active.type === "text" ? [active.selectionStart, active.selectionEnd] : null;
    const on = (one) => chosen().some(([id]) => id === one.id);
    const folded = options.filter((one) => !one.here && !on(one));
    const fold = folded.length ? h("details", { class: "t-rewards-own", open: unfolded, ontoggle: (event) => { unfolded = event.target.open; } },
      h("summary", {}, fill(texts.own, { n: folded.length })), h("div", { class: "t-rewards-list" }, folded.map(option))) : null;
    element.replaceChildren(h("fieldset", { class: "t-rewards" }, h("legend", { class: "t-label" }, texts.label),
      h("p", { class: "t-small" }, texts.note),
      h("div", { class: "t-rewards-list" }, options.filter((one) => !folded.includes(one)).map(option), judge()), fold));
    if (!active?.id) return;
    const again = document.getElementById(active.id);
    again?.focus({ preventScroll: true });
    if (range && again) again.setSelectionRange(...range);
  };
  paint();
  watch(["value", "options", "effective", "proposed"], () => { mine.arrived(); paint(); });
};
