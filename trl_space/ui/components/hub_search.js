// A combobox over the Hub: results as you type, recent choices, typed ids and pasted addresses.
// Late answers are dropped; everything the Hub says is put in as text.
trl.parts.hub_search = ({ element, props, trigger, server, watch, texts }) => {
  const { h, icon } = trl;
  const uid = `trl-${props.kind}`;
  let options = [];
  let active = -1;
  let turn = 0;
  let timer = null;
  let sort = props.sorts[0].id;
  const known = new Map();

  const input = h("input", {
    id: `${uid}-input`, class: "t-search-input", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false",
    autocapitalize: "off", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": `${uid}-list`, placeholder: texts.placeholder,
  });
  const list = h("ul", { id: `${uid}-list`, role: "listbox", "aria-label": texts.label, class: "t-search-list" });
  const note = h("div", { class: "t-search-note" });
  const pop = h("div", { class: "t-search-pop", hidden: true }, list, note);
  const said = h("span", { class: "t-sr", role: "status", "aria-live": "polite" });
  const order = h(
    "select", { class: "t-search-sort", "aria-label": texts.sort, onchange: () => { sort = order.value; known.clear(); input.focus(); ask(); } },
    props.sorts.map((one) => h("option", { value: one.id }, one.label)),
  );
  element.append(
    h("label", { class: "t-label", for: `${uid}-input` }, texts.label),
    h("div", { class: "t-search" }, icon("search"), input, order, pop), said,
  );

  const open = (yes) => {
    pop.hidden = !yes;
    input.setAttribute("aria-expanded", String(yes));
    if (!yes) mark(-1);
  };

  const mark = (index) => {
    active = index;
    [...list.querySelectorAll("[role=option]")].forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === index));
      if (i === index) item.scrollIntoView({ block: "nearest" });
    });
    if (index >= 0) input.setAttribute("aria-activedescendant", `${uid}-option-${index}`);
    else input.removeAttribute("aria-activedescendant");
  };

  const row = (item, index) => {
    const [owner, name] = item.id.includes("/") ? item.id.split(/\/(.*)/s) : ["", item.id];
    return h(
      "li", { id: `${uid}-option-${index}`, role: "option", "aria-selected": "false", class: "t-search-item",
        onmousedown: (event) => { event.preventDefault(); choose(item.id); } },
      h("span", { class: "t-search-name" }, owner && h("span", { class: "t-search-owner" }, owner + "/"), name),
      h("span", { class: "t-search-meta t-num" }, (item.badges || []).map((badge) =>
        h("span", { class: "t-badge" }, icon(badge.icon), badge.text)), item.meta || ""),
    );
  };

  const show = (answer, query) => {
    const mine = query ? [] : trl.recents(props.kind).filter((id) => !answer.items.some((item) => item.id === id && false));
    const rest = answer.items.filter((item) => !mine.includes(item.id));
    options = [...mine.map((id) => ({ id })), ...rest];
    const heading = (text) => h("li", { role: "presentation", class: "t-search-head" }, text);
    const children = [];
    if (mine.length) children.push(heading(texts.recent), ...mine.map((id, i) => row({ id }, i)), heading(texts.top));
    children.push(...rest.map((item, i) => row(item, mine.length + i)));
    list.replaceChildren(...children);
    active = -1;
    const word = answer.problem || (options.length ? "" : texts.nothing);
    note.textContent = word;
    note.hidden = !word;
    said.textContent = word || trl.fill(texts.found, { n: options.length });
    open(true);
  };

  const wait = () => {
    if (pop.hidden || !list.children.length)
      list.replaceChildren(...[62, 48, 70, 55].map((w) => h("li", { class: "t-search-item", role: "presentation" }, trl.bone(w + "%", "16px"))));
    note.hidden = false;
    note.textContent = texts.searching;
    open(true);
  };

  const ask = async () => {
    const my = ++turn;
    // What is chosen already is no question: show what is on top instead.
    const query = input.value.trim() === (props.value || "") ? "" : input.value.trim();
    const key = sort + "\n" + query;
    if (known.has(key)) return show(known.get(key), query);
    wait();
    let slow = setTimeout(() => { if (my === turn) note.textContent = texts.slow; }, 3000);
    try {
      let answer = await server.search({ query, sort, part: props.kind, turn: my });
      if (my !== turn) return;
      // An older search overtook this one on its way.
      if (answer.again) answer = await server.search({ query, sort, part: props.kind, turn: my });
      if (my !== turn) return;
      if (!answer.problem) known.set(key, answer);
      show(answer, query);
    } catch {
      if (my === turn) show({ items: [], problem: texts.failed }, query);
    } finally {
      clearTimeout(slow);
    }
  };

  const clean = (text) => text.trim().replace(/^https?:\/\/[^/]+\//, "").replace(/^datasets\//, "").replace(/\/(tree|blob|resolve|viewer)\/.*$/, "").replace(/\/+$/, "");

  const choose = (id) => {
    clearTimeout(timer);
    turn++;
    id = clean(id);
    input.value = id;
    open(false);
    if (id === (props.value || "")) return;
    if (id) trl.recents(props.kind, id);
    props.value = id;
    trl.touch();
    trigger("choose");
  };

  input.addEventListener("input", () => { clearTimeout(timer); turn++; timer = setTimeout(ask, 160); });
  input.addEventListener("focus", () => { input.select(); ask(); });
  input.addEventListener("click", () => { if (pop.hidden) ask(); });
  input.addEventListener("blur", () => {
    clearTimeout(timer);
    turn++;
    open(false);
    const typed = clean(input.value);
    // Half a word is not a choice: the field goes back to what is chosen.
    if (typed === "" || typed.includes("/") || options.some((item) => item.id === typed)) choose(typed);
    else input.value = props.value || "";
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (pop.hidden) ask();
      else if (options.length) mark((active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(active >= 0 && !pop.hidden ? options[active].id : input.value);
    } else if (event.key === "Escape") {
      open(false);
      input.value = props.value || "";
    }
  });
  const paint = () => { if (document.activeElement !== input) input.value = props.value || ""; };
  paint();
  watch("value", paint);
};
