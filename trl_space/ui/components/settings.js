// "More settings": every argument of TRL's command, found by name or in words, checked as it is typed. The list of them
// is read from our own route when the part is opened for the first time.
// value: {settings: {name: value}}, what the visitor changed here; base: {name: value}, what counts otherwise (preset and
// machine); schema: where the list is; changes: how many settings differ from the preset on the whole page; marks: names
// after which the rows are looked at anew (`reread`); filled: from which preset the fields in view have their values, which
// the server is told when it compares. Whatever is changed triggers `choose`.
trl.parts.settings = ({ element, props, trigger, watch, texts }) => {
  const { h, icon, fill } = trl;
  const lists = new Map();
  const count = h("span", { class: "t-badge t-mark t-num" });
  const sign = h("span", { class: "t-settings-sign" }, icon("down"));
  const head = h("button", { type: "button", class: "t-settings-head", id: "trl-settings-open", "aria-expanded": "false",
    "aria-controls": "trl-settings-panel", onclick: () => open(panel.hidden) }, h("span", {}, texts.title), count, sign);
  const find = h("input", { id: "trl-settings-search", class: "t-input", type: "search", autocomplete: "off", spellcheck: "false",
    "aria-label": texts.search, oninput: () => paint() });
  const said = h("p", { class: "t-small t-settings-said", role: "status" });
  const mine = trl.own(props);
  const changed = h("div", { class: "t-settings-mine" });
  const body = h("div", { class: "t-settings-body" });
  const panel = h("div", { class: "t-settings-panel", id: "trl-settings-panel", hidden: true },
    h("div", { class: "t-settings-search" }, icon("search"), find), said, changed, body);
  element.append(h("div", { class: "t-settings" }, head, panel));
  // All groups together would be endless: each is opened when it is wanted, on a wide window the first is there.
  const narrow = matchMedia("(max-width: 900px)").matches;
  trl.filled = () => props.filled;
  const opened = new Set(narrow ? [] : ["steps"]);
  let drawn = "";
  let timer = null;

  const changes = () => props.value?.settings || {};
  const list = () => lists.get(props.schema);
  const words = (value, one) => one?.words ? one.words[value ?? ""] : value === true ? texts.on : value === false ? texts.off
    : value === null || value === undefined || value === "" ? texts.unset
    : Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
  const usual = (one) => one.name in props.base ? props.base[one.name] : one.default;
  const differ = (a, b) => JSON.stringify(a ?? null) !== JSON.stringify(b ?? null);

  const change = (one, value) => {
    const next = { ...changes() };
    if (value === undefined || !differ(value, usual(one))) delete next[one.name];
    else next[one.name] = value;
    if (!differ(next, changes())) return;
    mine.set({ ...props.value, settings: next });
    trigger("choose");
    if (props.marks.includes(one.name)) trigger("reread");
    tell();
  };

  // The value of what was typed, or the sentence that says why it is none. Empty means: as the preset has it.
  const read = (one, text) => {
    const typed = text.trim();
    if (!typed) return { value: undefined };
    if (["none", "null"].includes(typed.toLowerCase()) && one.kind !== "text") {
      return one.optional ? { value: null } : { problem: texts.required };
    }
    if (one.kind === "int" || one.kind === "float") return number(one, typed);
    if (one.kind === "numbers") {
      const all = typed.split(",").map((part) => (part.trim() ? Number(part) : NaN));
      return all.every(Number.isFinite) ? { value: all } : { problem: texts.numbers };
    }
    if (one.kind === "texts") return { value: typed.split(",").map((part) => part.trim()).filter(Boolean) };
    if (one.kind === "json") {
      try { JSON.parse(typed); } catch { return { problem: texts.json }; }
    }
    return { value: typed };
  };
  const number = (one, typed) => {
    const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(typed) ? Number(typed) : NaN;
    if (!Number.isFinite(value)) return { problem: one.kind === "int" ? texts.whole : texts.number };
    if (one.kind === "int" && !Number.isInteger(value)) return { problem: texts.whole };
    const [low, high] = [one.min ?? null, one.max ?? null];
    if ((low !== null && value < low) || (high !== null && value > high)) {
      return { problem: fill(low === null ? texts.most : high === null ? texts.least : texts.range, { min: low, max: high }) };
    }
    return { value };
  };

  // --- one setting ---
  const control = (one, note) => {
    const id = `trl-set-${one.name}-input`;
    const now = one.name in changes() ? changes()[one.name] : usual(one);
    const about = { id, "aria-describedby": `${id}-note` };
    const pick = (options, chosen) => {
      const field = h("select", { ...about, class: "t-input t-select", onchange: () => change(one, field.value === "" ? undefined : JSON.parse(field.value)) },
        options.map(([value, text]) => h("option", { value: JSON.stringify(value), selected: !differ(value, chosen) }, text)));
      return h("span", { class: "t-select-frame" }, field);
    };
    const nothing = one.optional ? [[null, texts.unset]] : [];
    if (one.kind === "bool" && !one.optional) {
      const box = h("input", { ...about, type: "checkbox", onchange: () => change(one, box.checked) });
      box.checked = now === true;
      return h("span", { class: "t-switch" }, box, h("span", { class: "t-small", "aria-hidden": "true" }, words(box.checked)));
    }
    if (one.kind === "bool") return pick([...nothing, [true, texts.on], [false, texts.off]], now);
    if (one.kind === "choice") return pick([...nothing, ...(one.choices || []).map((name) => [name, words(name, one)])], now);
    const shown = one.name in changes() ? (now === null ? "none" : typeof now === "string" ? now : words(now)) : "";
    const field = h("input", { ...about, class: "t-input t-num", type: "text", autocomplete: "off", spellcheck: "false",
      inputmode: ["int", "float"].includes(one.kind) ? "decimal" : null, placeholder: words(usual(one)), value: shown });
    const typed = (wait) => {
      const { value, problem } = read(one, field.value);
      note.textContent = problem || "";
      field.setAttribute("aria-invalid", String(Boolean(problem)));
      clearTimeout(timer);
      // What is wrong goes along too: then the page does not start anything with the value from before.
      timer = setTimeout(() => change(one, problem ? field.value.trim() : value), wait);
    };
    field.addEventListener("input", () => typed(400));
    field.addEventListener("change", () => typed(0));
    if (one.name in changes()) note.textContent = read(one, shown).problem || "";
    return field;
  };
  const row = (one) => {
    if (one.about) { // how the job gets its packages: none of TRL's, so each choice has a sentence of its own
      return h("div", { class: "t-setting t-setting-wide", id: `trl-set-${one.name}` },
        h("div", { class: "t-setting-name" }, h("label", { for: `trl-set-${one.name}-input` }, one.label)), control(one),
        h("div", { class: "t-small t-setting-about", id: `trl-set-${one.name}-input-note` }, Object.values(one.about).map((text) => h("p", {}, text))));
    }
    const name = h("code", { class: "t-mono" }, one.name);
    if (one.refused) {
      return h("div", { class: "t-setting t-setting-off", id: `trl-set-${one.name}-row` }, h("div", { class: "t-setting-name" }, name),
        h("p", { class: "t-small" }, fill(texts.refused, { reason: one.refused })));
    }
    if (one.at) {
      return h("div", { class: "t-setting", id: `trl-set-${one.name}-row` }, h("div", { class: "t-setting-name" }, h("span", {}, one.label), name),
        h("p", { class: "t-small" }, texts.elsewhere),
        h("button", { type: "button", class: "t-btn t-fix", onclick: () => trl.go(one.at) }, texts.go));
    }
    const id = `trl-set-${one.name}-input`;
    const note = h("p", { class: "t-setting-wrong", role: "alert" });
    const facts = [fill(texts.default, { value: words(one.default) })];
    if (one.name in props.base) facts.push(fill(texts.preset, { value: words(props.base[one.name]) }));
    return h("div", { class: "t-setting", id: `trl-set-${one.name}` },
      h("div", { class: "t-setting-name" }, h("label", { for: id }, one.label), name),
      control(one, note), note,
      h("div", { class: "t-small t-setting-about", id: `${id}-note` }, one.help && h("p", {}, one.help),
        one.trl ? null : h("p", { class: "t-num" }, facts.join(" · "))),
      one.trl ? h("details", { class: "t-small t-setting-trl" }, h("summary", { class: "t-num" }, [...facts, texts.about].join(" · ")),
        h("p", {}, one.trl)) : null);
  };

  // --- finding ---
  const filling = new Set("a an and are be can do does for how i in is it many much my not of on or the to what when".split(" "));
  const score = (one, wanted) => {
    const parts = one.name.split("_");
    const label = (one.label || "").toLowerCase();
    const help = `${one.help || ""} ${one.trl || ""} ${Object.values(one.about || {}).join(" ")}`.toLowerCase();
    let total = wanted.join("_") === one.name ? 100 : 0;
    for (const word of wanted) {
      const best = [[10, parts.includes(word)], [8, label.split(/\W+/).includes(word)], [6, parts.some((part) => part.startsWith(word))],
        [5, one.name.includes(word)], [4, label.includes(word)], [2, (" " + help).includes(" " + word)], [1, help.includes(word)]].find(([, there]) => there);
      if (!best) return -1;
      total += best[0];
    }
    return total + (one.group ? 0.5 : 0) - (one.refused ? 3 : 0) - one.name.length / 1000;
  };
  const search = (all, text) => {
    const said = text.toLowerCase().match(/[a-z0-9]+/g) || [];
    const wanted = said.filter((word) => !filling.has(word));
    return all.map((one) => [score(one, wanted.length ? wanted : said), one]).filter(([points]) => points >= 0)
      .sort((a, b) => b[0] - a[0]).map(([, one]) => one);
  };

  // --- drawing ---
  const tell = () => {
    const number = props.changes || 0;
    count.hidden = !number;
    count.textContent = number === 1 ? texts.changed_one : fill(texts.changed_many, { n: number });
    const names = Object.keys(changes());
    const known = new Map((list()?.settings || []).map((one) => [one.name, one]));
    changed.hidden = !names.length;
    changed.replaceChildren(h("h3", { class: "t-label" }, texts.changes), h("ul", {}, names.map((name) => {
      const one = known.get(name) || { name, label: name };
      return h("li", {},
        h("button", { type: "button", class: "t-link", "aria-label": fill(texts.show, { name: one.label }), onclick: () => show(name) }, one.label),
        h("code", { class: "t-mono" }, one.words ? words(changes()[name], one) : `${name} = ${words(changes()[name])}`),
        h("button", { type: "button", class: "t-btn t-quiet", "aria-label": fill(texts.reset_of, { name: one.label }), onclick: () => { change(one, undefined); paint(); find.focus(); } },
          icon("again"), texts.reset));
    })));
  };
  const show = (name) => {
    find.value = name;
    paint();
    document.getElementById(`trl-set-${name}-input`)?.focus();
  };
  const paint = () => {
    const all = list()?.settings;
    if (!all) return;
    const query = find.value.trim();
    find.placeholder = fill(texts.placeholder, { n: all.length });
    const found = query ? search(all, query) : [];
    const shown = found.slice(0, 20);
    const rest = found.length - shown.length;
    said.textContent = !query ? "" : !found.length ? texts.nothing : found.length === 1 ? texts.found_one : fill(texts.found, { n: found.length });
    body.replaceChildren(...(query
      ? [h("div", { class: "t-settings-grid" }, shown.map(row)), rest > 0 ? h("p", { class: "t-small" }, fill(texts.more, { n: rest })) : ""]
      : list().groups.map((group) => [group, all.filter((one) => one.group === group.id)]).filter(([, those]) => those.length)
        .map(([group, those]) => h("details", { class: "t-settings-group", open: opened.has(group.id), ontoggle: (event) =>
          event.target.isConnected && opened[event.target.open ? "add" : "delete"](group.id) },
        h("summary", { class: "t-label" }, group.title, icon("down")), h("div", { class: "t-settings-grid" }, those.map(row))))));
    drawn = props.schema + JSON.stringify(props.base);
    tell();
  };
  const load = async () => {
    const address = props.schema;
    if (!address) return;
    if (!lists.has(address)) {
      said.textContent = texts.loading;
      body.replaceChildren(...[1, 2, 3].map(() => h("div", { class: "t-setting" }, trl.bone("40%", "15px"), trl.bone("100%", "40px"))));
      try {
        const answer = await fetch(trl.route(address));
        if (!answer.ok) throw new Error(String(answer.status));
        lists.set(address, await answer.json());
      } catch {
        if (address === props.schema) { said.textContent = texts.failed; body.replaceChildren(); }
        return;
      }
    }
    if (address === props.schema) paint();
  };
  const open = (yes) => {
    panel.hidden = !yes;
    head.setAttribute("aria-expanded", String(yes));
    sign.replaceChildren(icon(yes ? "up" : "down"));
    if (yes) load();
  };
  // A field that is being typed into stays as it is; what is shown beside it follows when it is left.
  const arrive = () => {
    tell();
    if (panel.hidden || drawn === props.schema + JSON.stringify(props.base)) return;
    if (!lists.has(props.schema)) return load();
    if (!body.contains(document.activeElement)) paint();
  };
  body.addEventListener("focusout", () => setTimeout(() => { if (drawn && !body.contains(document.activeElement)) arrive(); }));
  arrive();
  watch(["schema", "base", "changes"], arrive);
  watch("value", () => {
    mine.arrived();
    tell();
    if (!panel.hidden && list() && !body.contains(document.activeElement)) paint();
  });
};
trl.filled = () => undefined;
