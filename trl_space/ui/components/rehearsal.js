// Trying the first steps of the run, for cents: a button, and a panel that says what that does and costs before it starts.
// value: {turn, ready, blocked: null | {title, reason, fix}, query, offer: null | {text, tries, likely, likely_note, most,
// most_note}}. `turn` counts the visitor's changes, as in the launch part; one filled form has one launch id.
trl.parts.rehearsal = ({ element, props, server, watch, texts }) => {
  const { h, icon } = trl;
  let starting = false;
  const word = h("span", {});
  const open = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-rehearse", "aria-expanded": "false",
    "aria-controls": "trl-rehearse-panel", onclick: () => show(panel.hidden) }, icon("play"), word);
  const what = h("p", {});
  const tries = h("p", { class: "t-small" }, texts.tries);
  const prices = h("dl", { class: "t-prices" });
  const blocked = h("div", { class: "t-rehearsal-blocked" });
  const start = h("button", { type: "button", class: "t-btn t-start", id: "trl-rehearse-start", onclick: press }, texts.start);
  const trouble = h("div", { class: "t-trouble", role: "alert" });
  const panel = h("section", { class: "t-rehearsal", id: "trl-rehearse-panel", "aria-label": texts.title, hidden: true },
    what, tries, prices, blocked, start, trouble);
  element.append(h("div", { class: "t-after t-rehearse" }, open), panel);

  const show = (yes) => {
    panel.hidden = !yes;
    open.setAttribute("aria-expanded", String(yes));
    if (yes) panel.scrollIntoView({ block: "nearest" });
  };
  const price = (name, amount, note) => [h("dt", {}, name), h("dd", { class: "t-num t-small" }, note),
    h("dd", { class: "t-num t-price" }, amount)];

  // What a link asks for counts for a rehearsal too, as far as it costs or runs: agreed to with a button of its own.
  let agreed = [];
  async function press() {
    const value = props.value;
    if (starting || !value?.ready || !value.offer || value.turn !== trl.state.dirty) return;
    starting = true;
    paint();
    const entry = trl.launch_ids.of("rehearse:" + value.query);
    let answer;
    try {
      answer = await server.rehearse({ query: value.query, launch_id: entry.id, agreed: [...trl.agreed(), ...agreed], linked: trl.address.linked() });
    } catch {
      answer = { problem: texts.lost };
    }
    if (answer.run) {
      trl.launch_ids.ran(entry);
      return location.assign(trl.page("run=" + encodeURIComponent(answer.run).replace("%2F", "/")));
    }
    starting = false;
    const ways = (answer.ways || []).map((one) => trl.fix(one));
    // Pressing the button again only looks for one that may have been started.
    if (answer.unclear) ways.push(h("button", { type: "button", class: "t-btn t-fix", onclick: () => {
      trl.launch_ids.anew(entry.recipe);
      press();
    } }, texts.anew));
    if (answer.unread) ways.push(h("button", { type: "button", class: "t-btn t-fix", onclick: () => {
      agreed = answer.unread;
      press();
    } }, texts.agree));
    trouble.replaceChildren(icon(answer.unclear ? "warns" : "blocks"),
      h("div", {}, h("p", {}, answer.problem), ways.length ? h("div", { class: "t-ways" }, ways) : null));
    paint();
  }

  const paint = () => {
    const { offer, blocked: way, ready } = props.value || {};
    word.textContent = offer ? trl.fill(texts.open_for, { usd: offer.likely }) : texts.open;
    open.disabled = !props.value;
    what.textContent = offer ? offer.text : texts.no_machine;
    tries.hidden = !offer?.tries;
    prices.replaceChildren(...(offer ? [...price(texts.likely, offer.likely, offer.likely_note),
      ...price(texts.most, offer.most, offer.most_note)] : []));
    blocked.replaceChildren(...(way ? [icon("todo"), h("span", {}, trl.fill(texts.first, { what: way.title })),
      way.fix ? trl.fix(way.fix) : ""] : []));
    start.hidden = Boolean(way) || !offer;
    start.textContent = starting ? texts.starting : texts.start;
    start.setAttribute("aria-disabled", String(starting || !ready));
    start.classList.toggle("t-busy", starting);
  };
  let query = null;
  const arrive = () => {
    if (props.value?.query !== query) { trouble.replaceChildren(); agreed = []; }
    query = props.value?.query;
    paint();
  };
  paint();
  watch("value", arrive);
};
