// Lists that a person fills line by line: packages as chips, variables and volumes as rows of fields.
// Each gives {element, set(items)}; `changed(items)` is called with what stands there, also while it is being typed.
trl.script_lists = (() => {
  const { h, icon, fill } = trl;

  // Short words side by side; a new one is added by Enter, a comma or leaving the field.

  function chips({ id, words, changed }) {
    let items = [];
    const list = h("ul", { class: "t-chips" });
    const field = h("input", { class: "t-input t-mono", id: `${id}-input`, type: "text", autocomplete: "off", spellcheck: "false",
      autocapitalize: "none", placeholder: words.hint, "aria-label": words.label });
    const add = () => {
      const fresh = field.value.split(/[\n]|,(?=\s)|,$/).map((one) => one.trim()).filter((one) => one && !items.includes(one));
      field.value = "";
      if (!fresh.length) return;
      items = [...items, ...fresh];
      paint();
      changed(items);
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); add(); }
    });
    field.addEventListener("change", add);
    const paint = () => {
      list.replaceChildren(...items.map((one) => h("li", { class: "t-chip t-mono" }, h("span", {}, one),
        h("button", { type: "button", class: "t-chip-off", "aria-label": fill(words.remove, { name: one }), onclick: () => {
          items = items.filter((other) => other !== one);
          paint();
          changed(items);
          field.focus();
        } }, icon("close")))));
      list.hidden = !items.length;
    };
    const button = h("button", { type: "button", class: "t-btn t-list-add", onclick: add }, words.add);
    paint();
    return {
      element: h("div", { class: "t-list", id }, list, h("div", { class: "t-list-field" }, field, button)),
      set(fresh) {
        if (JSON.stringify(fresh) === JSON.stringify(items)) return;
        items = [...fresh];
        paint();
      },
    };
  }

  // Rows of fields. `columns`: [{name, label, kind: "text" | "select" | "switch", options: [[value, word]], hint, wide, off(row)}];
  // a row is an object by those names.
  function rows({ id, columns, words, changed, fresh }) {
    let items = [];
    const list = h("div", { class: "t-rows" });
    const say = () => changed(items.map((one) => ({ ...one })));
    const control = (column, item, at) => {
      const about = { "aria-label": fill(words.of, { what: column.label, n: at + 1 }), "data-name": column.name };
      if (column.kind === "select") {
        const field = h("select", { ...about, class: "t-input t-select", onchange: () => { item[column.name] = field.value; say(); redraw(); } },
          column.options.map(([value, word]) => h("option", { value, selected: value === item[column.name] }, word)));
        return h("span", { class: "t-select-frame" }, field);
      }
      if (column.kind === "switch") {
        const off = column.off?.(item);
        const box = h("input", { ...about, type: "checkbox", disabled: off, onchange: () => { item[column.name] = box.checked; say(); } });
        box.checked = off ? true : item[column.name] !== false;
        return h("label", { class: "t-switch t-small" }, box, h("span", { "aria-hidden": "true" }, column.label));
      }
      const field = h("input", { ...about, class: "t-input t-mono", type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
        placeholder: column.hint, value: item[column.name] || "", oninput: () => { item[column.name] = field.value; say(); } });
      return field;
    };
    const row = (item, at) => h("div", { class: "t-row", role: "group", "aria-label": fill(words.row, { n: at + 1 }) },
      columns.map((column) => h("div", { class: `t-row-${column.kind} ${column.wide ? "t-row-wide" : ""}` }, control(column, item, at))),
      h("button", { type: "button", class: "t-btn t-quiet t-row-off", "aria-label": fill(words.remove, { n: at + 1 }), onclick: () => {
        items = items.filter((other) => other !== item);
        redraw();
        say();
        add.focus();
      } }, icon("close")));
    const redraw = () => { list.replaceChildren(...items.map(row)); list.hidden = !items.length; };
    const add = h("button", { type: "button", class: "t-btn t-list-add", onclick: () => {
      items.push({ ...fresh });
      redraw();
      list.lastElementChild.querySelector("input, select").focus();
    } }, icon("plus"), words.add);
    redraw();
    return {
      element: h("div", { class: "t-list", id }, list, add),
      set(given) {
        if (JSON.stringify(given) === JSON.stringify(items)) return;
        items = given.map((one) => ({ ...one }));
        redraw();
      },
    };
  }

  return { chips, rows };
})();
