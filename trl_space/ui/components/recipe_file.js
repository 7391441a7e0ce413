// Opening the file of a recipe, from a picker or pasted: the server reads it as text, and it fills the form like a link.
// value: {text, view: the page that it is to fill, turn: that of the page}; `open` asks the server to read it.
trl.parts.recipe_file = ({ element, props, trigger, texts }) => {
  const { h, icon } = trl;
  const MOST = 450000; // bytes; the longest script fits, and the server takes it in one question
  const area = h("textarea", { class: "t-input t-mono", id: "trl-recipe-text", rows: "6", spellcheck: "false", "aria-label": texts.paste, placeholder: texts.hint });
  const said = h("p", { class: "t-small", role: "status" });
  const pick = h("input", { type: "file", class: "t-sr", id: "trl-recipe-pick", accept: ".yaml,.yml,text/yaml,text/plain", tabindex: "-1", "aria-hidden": "true", onchange: async () => {
    const file = pick.files[0];
    pick.value = "";
    if (!file) return;
    if (file.size > MOST) return (said.textContent = texts.too_long);
    area.value = await file.text();
    said.textContent = trl.fill(texts.read, { name: file.name });
    take.focus();
  } });
  const take = h("button", { type: "button", class: "t-btn t-primary", id: "trl-recipe-take", onclick: () => {
    if (!area.value.trim()) return area.focus();
    if (new Blob([area.value]).size > MOST) return (said.textContent = texts.too_long);
    trl.touch();
    props.value = { text: area.value, view: trl.view, turn: trl.state.dirty };
    trigger("open");
    show(false);
    document.getElementById("trl-notice")?.scrollIntoView({ block: "nearest" });
    document.getElementById("trl-side")?.classList.remove("t-open");
  } }, texts.open);
  const panel = h("section", { class: "t-recipe-file", id: "trl-recipe-panel", "aria-label": texts.title, hidden: true }, h("p", { class: "t-small" }, texts.about),
    h("div", { class: "t-after" }, h("button", { type: "button", class: "t-btn", onclick: () => pick.click() }, texts.pick), pick), area, said, take);
  const open = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-recipe-open", "aria-expanded": "false", "aria-controls": "trl-recipe-panel",
    onclick: () => show(panel.hidden) }, icon("open"), texts.title);
  const show = (yes) => {
    panel.hidden = !yes;
    open.setAttribute("aria-expanded", String(yes));
    if (yes) { said.textContent = ""; panel.scrollIntoView({ block: "nearest" }); area.focus(); }
  };
  element.append(h("div", { class: "t-after" }, open), panel);
};
