// What the script is told behind its name: a field for each argument that stands there and is known from the script's
// source, a way to add another one by name, and always the whole line as text, which is what counts.
// known: [{name, also: other spellings, kind: "bool" | "text" | .., takes: "none" | "one" | .., choices, default, help, required}].
trl.script_args = ({ texts, changed }) => {
  const { h, icon, fill } = trl;
  let known = [], words = [];
  const list = h("div", { class: "t-args" });
  const names = h("datalist", { id: "trl-script-args-names" });
  const find = h("input", { class: "t-input t-mono", id: "trl-script-args-add", list: "trl-script-args-names", type: "text", autocomplete: "off",
    spellcheck: "false", autocapitalize: "none", placeholder: texts.args_add_hint, "aria-label": texts.args_add });
  const adding = h("div", { class: "t-list-field" }, find, h("button", { type: "button", class: "t-btn t-list-add", onclick: () => add() }, texts.add), names);
  const line = h("textarea", { class: "t-input t-mono t-args-line", id: "trl-script-args-line", rows: 2, spellcheck: "false", autocapitalize: "none",
    autocomplete: "off", placeholder: texts.args_hint, "aria-label": texts.args_line, "aria-describedby": "trl-script-args-why" });
  const why = h("p", { class: "t-setting-wrong", id: "trl-script-args-why", role: "alert" });

  // {name, from, to, values}: the words of each argument that has a name.
  const parts = () => {
    const found = [];
    words.forEach((word, at) => {
      const named = /^(--[A-Za-z][\w-]*)(?:=([\s\S]*))?$/.exec(word);
      const last = found.at(-1);
      if (named) found.push({ option: named[1], name: plain(named[1].slice(2)), from: at, to: at + 1, values: named[2] === undefined ? [] : [named[2]] });
      else if (last?.to === at && of(last.name)?.takes !== "none") { last.to += 1; last.values.push(word); }
    });
    return found;
  };
  const plain = (name) => name.replaceAll("-", "_");
  const of = (name) => known.find((one) => plain(one.name) === name || one.also?.includes(name));
  const say = (next, wait) => {
    words = next;
    line.value = trl.shell.join(words);
    why.textContent = "";
    changed(line.value, wait);
  };
  const put = (part, values) => say([...words.slice(0, part.from), part.option, ...values, ...words.slice(part.to)]);
  const pick = (part, values, id) => { put(part, values); paint(); document.getElementById(id)?.focus(); };
  const drop = (part) => { say([...words.slice(0, part.from), ...words.slice(part.to)]); paint(); find.focus(); };
  function add() {
    const name = find.value.trim().replace(/^--/, "");
    find.value = "";
    if (!/^[A-Za-z][\w-]*$/.test(name)) return;
    const one = of(plain(name));
    const bare = !one || one.takes === "none" || (one.kind === "bool" && one.takes !== "one");
    say([...words, "--" + (one?.name || name), ...(bare ? [] : [one.kind === "bool" ? "True" : one.default ?? ""])]);
    paint();
    list.lastElementChild?.querySelector("input, select")?.focus();
  }
  find.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); add(); } });
  line.addEventListener("input", () => {
    const found = trl.shell.split(line.value);
    why.textContent = found ? "" : texts.args_open;
    if (found) { words = found; paint(); }
    changed(line.value);
  });

  const control = (part, one, id) => {
    const now = part.values.join(" ");
    if (one?.kind === "bool") {
      const box = h("input", { id, type: "checkbox", onchange: () => {
        if (one.takes === "none") return drop(part);
        pick(part, box.checked ? (one.takes === "one" ? ["True"] : []) : ["False"], id);
      } });
      // One that has to be told true or false says nothing by its name alone.
      box.checked = now ? !/^(false|f|no|n|0)$/i.test(now) : one.takes !== "one";
      return h("span", { class: "t-switch" }, box, h("span", { class: "t-small", "aria-hidden": "true" }, box.checked ? texts.on : texts.off));
    }
    if (one?.choices?.length) {
      const field = h("select", { id, class: "t-input t-select", onchange: () => pick(part, [field.value], id) },
        (one.choices.includes(now) ? one.choices : [now, ...one.choices]).map((each) => h("option", { value: each, selected: each === now }, each)));
      return h("span", { class: "t-select-frame" }, field);
    }
    const field = h("input", { id, class: "t-input t-mono", type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
      placeholder: one?.default ?? texts.args_none, value: now });
    // An argument that takes several values has them side by side, as in a shell.
    field.addEventListener("input", () => {
      const values = part.values.length > 1 ? trl.shell.split(field.value) : [field.value];
      if (!values) return;
      const grown = values.length - (part.to - part.from - 1);
      put(part, values);
      for (const other of drawn) if (other.from > part.from) { other.from += grown; other.to += grown; }
      part.to += grown;
      part.values = values;
    });
    return field;
  };
  let drawn = [];
  const paint = () => {
    drawn = parts();
    const missing = known.filter((one) => one.required && !drawn.some((part) => of(part.name) === one));
    list.replaceChildren(...drawn.map((part, at) => {
      const one = of(part.name), id = `trl-script-arg-${at}`;
      return h("div", { class: "t-arg", "data-name": part.name },
        h("label", { class: "t-arg-name t-mono", for: id, title: one?.help || null }, part.option),
        h("div", { class: "t-arg-value" }, control(part, one, id), one?.help ? h("p", { class: "t-small t-arg-help" }, one.help) : null),
        h("button", { type: "button", class: "t-btn t-quiet t-row-off", "aria-label": fill(texts.args_remove, { name: part.option }), onclick: () => drop(part) }, icon("close")));
    }), ...missing.map((one) => h("p", { class: "t-small t-arg-missing" }, icon("todo"), fill(texts.args_missing, { name: "--" + one.name }), " ",
      h("button", { type: "button", class: "t-btn t-fix", onclick: () => { find.value = one.name; add(); } }, texts.add))));
    list.hidden = !list.childElementCount;
    names.replaceChildren(...known.filter((one) => !drawn.some((part) => of(part.name) === one))
      .map((one) => h("option", { value: one.name }, (one.help || "").slice(0, 120))));
    adding.hidden = !known.length;
  };
  paint();
  return {
    element: h("div", { class: "t-list" }, list, adding, line, why),
    set(text, arguments_) {
      const same = JSON.stringify(arguments_) === JSON.stringify(known);
      known = arguments_;
      if (text !== line.value) line.value = text;
      else if (same) return;
      words = trl.shell.split(text) || [];
      if (!list.contains(document.activeElement) || !same) paint();
    },
  };
};
