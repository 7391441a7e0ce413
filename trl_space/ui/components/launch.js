// The button that starts the run, or says what is in the way; the link of the form, and the ways to share it and
// to its code.
// value: {turn, ready, label, fix, warns: [ids of checks], query, launch, share, workshop, long, price, preset}. `turn`
// counts the visitor's changes: the button answers only to what the page has shown for the last of them. One filled form
// has one launch id (launch_ids.js), so that a second click or a repeated request never starts a second job. `query` goes
// into the address; `long` is its size in bytes when a file has to take the place of the link. With `waits`, something is
// still being read, so it is asked again. What filled the page in comes as {linked, opened, reads: what is read for it, rest:
// whether there is more to wait for} (address.js).
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
    await trl.settled();
    if (props.value.long) return file();
    if (props.value.unshared) return trl.show_share(asked()); // a text of one's own needs an address first
    const done = await trl.copy(`${trl.here()}?${props.value.share}`);
    flash(link, icon("ok"), done ? texts.copied : texts.not_copied);
  } });
  // The recipe as it would start, and the script of one that no query holds.
  const asked = () => ({ query: props.value.launch, text: trl.scripts?.text || "" });
  const share = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-share-recipe", "aria-haspopup": "dialog",
    onclick: async () => { await trl.settled(); trl.show_share(asked()); } }, icon("share"), texts.share);
  const show = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-code", "aria-haspopup": "dialog",
    onclick: async () => { await trl.settled(); trl.show_code(asked()); } }, icon("code"), texts.code);
  const long = h("p", { class: "t-small", id: "trl-link-long", hidden: true });
  element.append(h("div", { class: "t-bar" }, unfold, button), trouble, h("div", { class: "t-after" }, link, share, show), long);
  const calm = () => {
    const size = props.value?.long;
    link.replaceChildren(icon(size ? "download" : "link"), size ? texts.recipe : props.value?.unshared ? texts.make_link : texts.copy);
    long.hidden = !size;
    long.textContent = size ? trl.fill(texts.long, { size: Math.ceil(size / 1024) }) : "";
  };
  // What is too long for a link is handed on as a file, which this page opens.
  async function file() {
    let answer;
    try { answer = await server.recipe({ query: props.value.launch }); } catch { answer = { problem: texts.lost }; }
    if (answer.problem) return trouble.replaceChildren(icon("blocks"), h("p", {}, answer.problem));
    trl.save(answer.name, answer.text);
  }
  let flashing = 0;
  const flash = (where, ...what) => {
    where.replaceChildren(...what);
    clearTimeout(flashing);
    flashing = setTimeout(() => { flashing = 0; calm(); }, 2000);
  };

  // Warnings are read before money is spent: a tick counts for those that were shown when it was set.
  let read = new Set();
  trl.agreed = () => [...read];
  const unread = () => (props.value?.warns || []).some((id) => !read.has(id));
  const tick = h("input", { type: "checkbox", id: "trl-agree", onchange: () => {
    read = new Set(tick.checked ? props.value.warns : []);
    paint();
  } });
  const warned = h("span", {});
  const why = h("p", { class: "t-small t-agree-why", id: "trl-agree-why", role: "status" });
  const agree = h("div", { class: "t-agree", hidden: true }, h("label", {}, tick, warned), why);
  button.before(agree);

  function press() {
    const value = props.value;
    if (starting || !value?.label || value.turn !== trl.state.dirty) return;
    if (!value.ready) return value.fix ? trl.mend(value.fix) : undefined;
    if (!unread()) return start();
    if (!document.getElementById("trl-side").classList.contains("t-open")) fold();
    why.textContent = texts.agree_first;
    tick.focus();
  }

  // more: {twin: also beside the same run, look: only look for a run that may have been started}.
  async function start(more = {}) {
    const value = props.value;
    const entry = trl.launch_ids.of(value.launch);
    starting = true;
    trouble.replaceChildren();
    paint();
    const agreed = [...read, ...(more.twin ? ["twin"] : [])];
    let answer;
    try {
      answer = await server.launch({ query: value.launch, launch_id: entry.id, agreed, look: more.look || false, linked: trl.address.linked(),
        ...ofScript(value, more) });
    } catch {
      answer = { problem: texts.lost, ways: [] };
    }
    if (answer.run) {
      trl.launch_ids.ran(entry);
      trl.scripts.forget();
      return location.assign(address(answer.run));
    }
    starting = false;
    if (answer.unclear) trl.launch_ids.doubt(entry);
    tell(answer);
    paint();
    if (answer.refresh) trigger("reread");
  }

  // A script's run is sent with the text that was seen, and with the values of its secrets; looking for one needs neither.
  const ofScript = (value, more) => (trl.view !== "scripts" || more.look ? {}
    : { text: trl.scripts.text, secrets: trl.scripts.secrets(), own_token: value.own_token });

  const address = (run) => trl.page("run=" + encodeURIComponent(run).replace("%2F", "/"));
  const act = (text, onclick) => h("button", { type: "button", class: "t-btn t-fix", onclick }, text);
  const another = (more) => { trl.launch_ids.anew(props.value.launch); start(more); };

  // What became of it, and what can be done: nothing here starts a run but a button that says so.
  function tell(answer) {
    const ways = (answer.ways || []).map((one) => trl.fix(one));
    if (answer.twin) {
      ways.push(h("a", { class: "t-btn t-fix", href: address(answer.twin) }, texts.twin_open));
      ways.push(act(texts.twin_more, () => another({ twin: true })));
    }
    if (answer.unclear) {
      ways.unshift(act(texts.look, () => start({ look: true })));
      ways.push(act(texts.anew, () => trouble.replaceChildren(icon("warns"), h("div", {}, h("p", {}, texts.anew_sure),
        h("div", { class: "t-ways" }, act(texts.anew_yes, () => another({ twin: true })), act(texts.anew_no, () => tell(answer)))))));
    }
    trouble.replaceChildren(icon(answer.twin || answer.unclear ? "warns" : "blocks"),
      h("div", {}, h("p", {}, answer.problem), ways.length ? h("div", { class: "t-ways" }, ways) : null));
  }

  const paint = () => {
    const value = props.value || {};
    const stale = value.turn !== trl.state.dirty;
    const warns = value.ready ? value.warns || [] : [];
    // What is not shown any more was not read for what comes next.
    if (value.label) read = new Set([...read].filter((id) => (value.warns || []).includes(id)));
    tick.checked = warns.length > 0 && !unread();
    tick.disabled = starting;
    agree.hidden = !warns.length;
    warned.textContent = warns.length === 1 ? texts.agree_one : trl.fill(texts.agree_many, { n: warns.length });
    const waits = Boolean(warns.length) && unread();
    if (!waits) why.textContent = "";
    if (waits) button.setAttribute("aria-describedby", "trl-agree-why");
    else button.removeAttribute("aria-describedby");
    word.textContent = starting ? texts.starting : value.label || texts.reading;
    button.classList.toggle("t-blocked", !value.ready && !starting);
    button.setAttribute("aria-disabled", String(starting || !value.label || stale || waits));
    button.classList.toggle("t-busy", starting);
    price.textContent = value.price || texts.details;
    link.disabled = share.disabled = show.disabled = !value.label;
    if (!flashing) calm();
  };
  let shown = null, waiting = null;
  const ask = ({ reads = [], rest }) => {
    reads.forEach((name) => trigger(`read_${name}`));
    if (rest !== false && !reads.includes("dataset")) trigger("read_rest");
  };
  // What the page remembers of an answer: also of one that has only just come, when the whole form is sent again at once.
  let noted = null, about = true, newest = 0;
  // Answers overtake each other. One to an older question shows nothing that counts any more.
  const late = (value) => (value.nth ?? newest) < newest;
  trl.note = () => {
    const value = props.value || {};
    if (value === noted || late(value)) return;
    noted = value;
    newest = value.nth ?? newest;
    const filled = value.linked !== undefined;
    if (filled) {
      trl.address.take(value);
      delete document.documentElement.dataset.opening;
    }
    about = trl.address.about(value);
    if (filled || about) trl.remembered = value;
    // The other places have what filled them in a moment later.
    if (filled) trl.soon(() => ask(value));
  };
  const arrive = () => {
    const value = props.value || {};
    if (late(value)) {
      // Other places show the same answer: all of them are asked for once more.
      props.value = noted;
      return trigger("reread");
    }
    trl.note();
    if (value.label) trl.shown = value;
    // An answer to an older change shows nothing new about the last one; the address follows the form all the same.
    if (about && value.query !== undefined && ["form", "scripts"].includes(trl.view)) trl.address.write(value.query);
    trl.relock();
    if (shown !== value.query) trouble.replaceChildren();
    shown = value.query;
    clearTimeout(waiting);
    if (value.waits) waiting = setTimeout(() => trigger("reread"), 1500);
    // The id is there before the first click. One that was left in doubt is not forgotten by leaving the page.
    if (value.ready && trl.state.account && trl.launch_ids.of(value.launch).unclear && !starting && !trouble.firstChild)
      tell({ problem: texts.unclear_before, unclear: true });
    paint();
  };
  // Until the page has looked at the last change, though not for ever.
  trl.settled = async () => {
    for (const until = Date.now() + 3000; props.value?.turn !== trl.state.dirty && Date.now() < until;)
      await new Promise((done) => setTimeout(done, 50));
  };
  // A press between a change and its answer does nothing; the button says so at once, and looks so when it lasts.
  trl.touched = () => {
    button.setAttribute("aria-disabled", "true");
    setTimeout(paint, 250);
  };
  const touch = trl.touch;
  trl.touch = (typed) => {
    touch(typed);
    trl.touched();
  };
  trl.address.onback(() => trigger("opened"));
  // Gradio's own fields say nothing to us, the browser does. Our own parts say themselves what is a change.
  document.getElementById("trl-form")?.addEventListener("input", (event) => {
    trl.state.typed = Date.now();
    if (!event.target.closest(".t-agree, .t-search, .t-settings, .t-rewards, .t-mapping, .t-workshop, .t-recipe-file"))
      trl.touch(!["checkbox", "radio"].includes(event.target.type));
  }, true);
  calm();
  paint();
  watch("value", arrive);
  if (props.value) arrive();
};
// The visitor changed something; `typed`: letter by letter, which is no step of its own in the browser's history.
trl.touch = (typed) => {
  trl.state.dirty += 1;
  trl.state.chose = typed ? 0 : Date.now();
};
trl.note = () => {};
trl.agreed = () => [];
trl.save = (name, text) => {
  const url = URL.createObjectURL(new Blob([text], { type: name.endsWith(".svg") ? "image/svg+xml" : "text/plain" }));
  trl.h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};
