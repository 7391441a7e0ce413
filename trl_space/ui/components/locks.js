// Entries that a link wants left as they are. value: {locks: [{name, label, place}], group}; `place` is the id of the field.
// Each locked field says so and can be opened by whoever uses the page: it is a convenience, and nothing on the server
// holds anybody to it. Opening one triggers `choose`, so that the address no longer locks it.
trl.parts.locks = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  const box = h("section", { class: "t-notice t-locks", id: "trl-locks-note", "aria-label": texts.title, hidden: true });
  element.append(box);
  const locks = () => props.value?.locks || [];
  const notes = new Map(); // place -> what stands in it
  trl.locks = () => locks().map((one) => one.name);

  const open = (names) => {
    props.value = { ...props.value, locks: locks().filter((one) => !names.includes(one.name)) };
    trl.touch();
    paint();
    trigger("choose");
  };
  const close = (place, names) => {
    const field = document.getElementById(place);
    if (!field) return;
    const label = names.map((one) => one.label).join(", ");
    const note = notes.get(place) || h("div", { class: "t-lock" });
    note.replaceChildren(icon("lock"), h("span", {}, texts.locked), h("button", { type: "button", class: "t-btn t-fix",
      "aria-label": trl.fill(texts.unlock_sr, { name: label }), onclick: () => {
        open(names.map((one) => one.name));
        field.querySelector("input, textarea, select, [role=radio][tabindex='0'], button")?.focus();
      } }, texts.unlock));
    notes.set(place, note);
    if (note.parentElement !== field) field.append(note);
    field.classList.add("t-locked");
    for (const child of field.children) child.inert = child !== note;
  };
  const free = (place) => {
    const field = document.getElementById(place);
    notes.get(place)?.remove();
    notes.delete(place);
    field?.classList.remove("t-locked");
    for (const child of field?.children || []) child.inert = false;
  };
  const paint = () => {
    const places = new Map();
    for (const one of locks()) places.set(one.place, [...(places.get(one.place) || []), one]);
    for (const place of [...notes.keys()]) if (!places.has(place)) free(place);
    for (const [place, names] of places) close(place, names);
    box.hidden = !places.size;
    const group = props.value?.group;
    box.replaceChildren(icon("lock"), h("div", {}, group ? trl.fill(texts.by_group, { group }) : texts.by_link,
      h("ul", { class: "t-locks-names" }, locks().map((one) => h("li", { class: "t-badge" }, one.label)))),
      h("button", { type: "button", class: "t-btn t-fix", id: "trl-unlock-all", onclick: () => open(trl.locks()) }, texts.unlock_all));
  };
  // Gradio draws a field anew when what it is changes: what stands in it is put back.
  trl.relock = paint;
  paint();
  watch("value", paint);
};
trl.locks = () => [];
trl.relock = () => {};
