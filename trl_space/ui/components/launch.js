// The button that starts the run, or says what is in the way; the link of the form and its code.
// value: {turn, ready, label, fix, query, share, price, preset}. `turn` counts the visitor's changes: the button
// answers only to what the page has shown for the last of them. One filled form has one launch id, so that a
// second click or a repeated request never starts a second job.
trl.parts.launch = ({ element, props, trigger, server, watch, texts }) => {
  const { h, icon } = trl;
  let starting = false;
  const word = h("span", {});
  const button = h("button", { type: "button", class: "t-btn t-primary t-start", id: "trl-start", onclick: press }, word);
  const trouble = h("div", { class: "t-trouble", role: "alert" });
  const price = h("span", { class: "t-bar-price t-num" });
  // On a narrow window the summary is folded away below the button; this row opens it.
  const sign = h("span", {}, icon("up"));
  const fold = () => {
    const open = document.getElementById("trl-side").classList.toggle("t-open");
    unfold.setAttribute("aria-expanded", String(open));
    sign.replaceChildren(icon(open ? "down" : "up"));
  };
  const unfold = h("button", { type: "button", class: "t-btn t-quiet t-bar-open", "aria-expanded": "false", onclick: fold },
    price, h("span", { class: "t-sr" }, texts.details_sr), sign);
  const link = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-copy", onclick: async () => {
    const done = await trl.copy(new URL(trl.page(props.value.share), location.href).href);
    flash(link, icon("ok"), done ? texts.copied : texts.not_copied);
  } });
  const show = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-code", "aria-expanded": "false", onclick: code });
  const listing = h("div", { class: "t-code", hidden: true });
  element.append(h("div", { class: "t-bar" }, unfold, button), trouble, h("div", { class: "t-after" }, link, show), listing);
  const calm = () => { link.replaceChildren(icon("link"), texts.copy); show.replaceChildren(icon("code"), texts.code); };
  const flash = (where, ...what) => { where.replaceChildren(...what); setTimeout(calm, 2000); };

  function press() {
    const value = props.value;
    if (starting || !value?.label || value.turn !== trl.state.dirty) return;
    if (!value.ready) return value.fix ? trl.mend(value.fix) : undefined;
    start(value);
  }

  async function start(value) {
    starting = true;
    paint();
    const key = "trl-space:launch:" + trl.state.account + ":" + value.launch;
    let id;
    try {
      id = sessionStorage.getItem(key) || crypto.randomUUID();
      sessionStorage.setItem(key, id);
    } catch {
      id = start.id ||= crypto.randomUUID();
    }
    let answer;
    try {
      answer = await server.launch({ query: value.launch, launch_id: id });
    } catch {
      answer = { problem: texts.lost };
    }
    if (answer.run) {
      try { sessionStorage.removeItem(key); } catch { /* nothing was kept */ }
      return location.assign(trl.page("run=" + encodeURIComponent(answer.run).replace("%2F", "/")));
    }
    starting = false;
    const url = answer.link && trl.safeUrl(answer.link);
    const mend = url ? h("a", { href: url, target: "_blank", rel: "noopener" }, texts.mend) : null;
    trouble.replaceChildren(icon("blocks"), h("span", {}, answer.problem, " ", mend));
    paint();
  }

  async function code() {
    listing.hidden = !listing.hidden;
    show.setAttribute("aria-expanded", String(!listing.hidden));
    if (!listing.hidden) load();
  }

  async function load() {
    const asked = props.value.launch;
    listing.replaceChildren(trl.bone("100%", "96px"));
    let answer;
    try {
      answer = await server.code({ query: asked });
    } catch {
      answer = { problem: texts.lost };
    }
    if (asked !== props.value.launch) return;
    if (answer.problem) return listing.replaceChildren(h("p", { class: "t-small" }, answer.problem));
    const pre = h("pre", { tabindex: "0", "aria-label": texts.code }, answer.script);
    const act = (sign, text, onclick) => h("button", { type: "button", class: "t-btn t-quiet", onclick }, icon(sign), text);
    const take = act("copy", texts.copy_code, async () => {
      const done = await trl.copy(answer.script);
      if (done) take.replaceChildren(icon("ok"), texts.copied);
    });
    const save = act("download", "train.py", () => trl.save("train.py", answer.script));
    listing.replaceChildren(h("p", { class: "t-small" }, texts.code_note), pre, h("div", { class: "t-after" }, take, save));
  }

  const paint = () => {
    const value = props.value || {};
    const stale = value.turn !== trl.state.dirty;
    word.textContent = starting ? texts.starting : value.label || texts.reading;
    button.classList.toggle("t-blocked", !value.ready && !starting);
    button.setAttribute("aria-disabled", String(starting || !value.label || stale));
    button.classList.toggle("t-busy", starting);
    price.textContent = value.price || texts.details;
    link.disabled = show.disabled = !value.label;
  };
  let shown = null;
  const arrive = () => {
    const value = props.value || {};
    // An answer to an older change shows nothing new about the last one; the address follows the form all the same.
    if (value.query !== undefined && trl.view === "form") {
      const target = trl.page(value.query);
      if (target !== location.pathname + location.search) history.replaceState(history.state, "", target + location.hash);
    }
    if (shown !== value.query) { trouble.replaceChildren(); if (!listing.hidden && value.label) load(); }
    shown = value.query;
    paint();
  };
  trl.touched = () => setTimeout(paint, 250);
  trl.touch = () => {
    trl.state.dirty += 1;
    trl.touched();
  };
  // Gradio's own fields say nothing to us, the browser does. Our own parts say themselves what is a change.
  document.getElementById("trl-form")?.addEventListener("input", (event) => {
    if (!event.target.closest("#trl-side .t-code, .t-search, .t-settings, .t-rewards, .t-mapping")) trl.touch();
  }, true);
  calm();
  paint();
  watch("value", arrive);
  if (props.value) arrive();
};
trl.touch = () => { trl.state.dirty += 1; };
trl.save = (name, text) => {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  trl.h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};
