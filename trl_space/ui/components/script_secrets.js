// The secrets of a run: names, and their values in password fields, which are the only place where a value ever is. They
// are sent once, with the launch (`trl.scripts.secrets`), and emptied after it. Nobody is told but that one was typed.
// The Hub's token is asked for apart: by default the script gets none, and one made for it is better than the sign-in.
trl.script_secrets = ({ texts, changed }) => {
  const { h, icon, fill } = trl;
  const TOKEN = "HF_TOKEN";
  let items = []; // {name, value: the password field}
  let own = false, page = "", needed = [];
  const list = h("div", { class: "t-rows" });
  const say = () => changed({ secrets: items.map((one) => [one.name, Boolean(one.value.value)]), token: own ? "own" : "" });
  const secret = (name = "") => {
    const one = { name, value: h("input", { class: "t-input t-mono", type: "password", autocomplete: "new-password", spellcheck: "false",
      placeholder: texts.secret_hint, "data-lpignore": "true", "data-1p-ignore": "true", oninput: () => say() }) };
    return one;
  };

  // What the script's own header asks for cannot be left out.
  const offRow = (one) => needed.includes(one.name) ? h("span", { class: "t-small t-row-needed" }, texts.secret_needed) : h("button", { type: "button", class: "t-btn t-quiet t-row-off", "aria-label": fill(texts.secret_remove, { name: one.name || texts.secret }),
    onclick: () => {
      one.value.value = "";
      items = items.filter((other) => other !== one);
      if (one.name === TOKEN) own = false;
      redraw();
      say();
      add.focus();
    } }, icon("close"));
  const token = (one) => {
    const choice = (mine, word, ...more) => {
      const box = h("input", { type: "radio", name: "trl-script-token", id: `trl-script-token-${mine ? "own" : "other"}`,
        onchange: () => { own = mine; if (mine) one.value.value = ""; redraw(); say(); document.getElementById(box.id)?.focus(); } });
      box.checked = own === mine;
      return h("div", { class: "t-token-choice" }, h("label", { for: box.id }, box, h("span", {}, word)), ...more);
    };
    one.value.setAttribute("aria-label", texts.token_value);
    const link = trl.safeUrl(page);
    return h("div", { class: "t-row t-token", role: "radiogroup", "aria-label": texts.token, "data-name": TOKEN },
      h("div", { class: "t-row-text t-row-wide" }, h("p", { class: "t-token-head" }, h("strong", { class: "t-mono" }, TOKEN), " ", h("span", { class: "t-small" }, texts.token_note)),
        choice(false, texts.token_other, own ? null : h("div", { class: "t-token-value" }, one.value,
          link ? h("a", { class: "t-small", href: link, target: "_blank", rel: "noopener" }, texts.token_make, " ", icon("out")) : null)),
        choice(true, texts.token_own, h("p", { class: "t-small" }, texts.token_own_note))),
      offRow(one));
  };
  const row = (one, at) => {
    if (one.name === TOKEN) return token(one);
    const name = h("input", { class: "t-input t-mono", type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "none", placeholder: "WANDB_API_KEY",
      "aria-label": fill(texts.of, { what: texts.secret_name, n: at + 1 }), value: one.name, oninput: () => { one.name = whole.dataset.name = name.value.trim(); say(); },
      onchange: () => { if (one.name === TOKEN) redraw(); } });
    one.value.setAttribute("aria-label", one.name ? fill(texts.secret_value_of, { name: one.name }) : fill(texts.of, { what: texts.secret_value, n: at + 1 }));
    const whole = h("div", { class: "t-row", role: "group", "aria-label": fill(texts.row, { n: at + 1 }), "data-name": one.name },
      h("div", { class: "t-row-text t-row-wide" }, name), h("div", { class: "t-row-text t-row-wide" }, one.value), offRow(one));
    return whole;
  };
  const more = (name) => {
    items.push(secret(name));
    redraw();
    say();
    list.lastElementChild.querySelector("input:not([type=radio])")?.focus();
  };
  const add = h("button", { type: "button", class: "t-btn t-list-add", onclick: () => more("") }, icon("plus"), texts.secret_add);
  const addToken = h("button", { type: "button", class: "t-btn t-list-add", id: "trl-script-token-add", onclick: () => more(TOKEN) }, icon("plus"), texts.token_add);
  const redraw = () => {
    list.replaceChildren(...items.map(row));
    list.hidden = !items.length;
    addToken.hidden = items.some((one) => one.name === TOKEN);
  };
  redraw();

  trl.scripts.secrets = () => Object.fromEntries(items.filter((one) => one.name && one.value.value).map((one) => [one.name, one.value.value]));
  trl.scripts.forget = () => { for (const one of items) one.value.value = ""; };
  addEventListener("pagehide", () => trl.scripts.forget());
  return {
    element: h("div", { class: "t-list", id: "trl-script-secrets" }, list, h("div", { class: "t-list-adds" }, addToken, add)),
    // rows: [[name, typed]]; what is typed stays in its field as long as its name is there.
    set(rows, kind, link) {
      const same = JSON.stringify(rows.map(([name]) => name)) === JSON.stringify(items.map((one) => one.name)) && own === (kind === "own") && page === link;
      if (same) return;
      own = kind === "own";
      page = link;
      items = rows.map(([name]) => items.find((one) => one.name === name) || secret(name));
      redraw();
    },
    // The names that the script's own header asks for.
    need(names) {
      if (JSON.stringify(names) === JSON.stringify(needed)) return;
      needed = names;
      const fresh = names.filter((name) => !items.some((one) => one.name === name));
      items = [...items, ...fresh.map(secret)];
      redraw();
      if (fresh.length) say();
    },
  };
};
