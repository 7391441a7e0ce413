// The log of a run: append-only, text only, the last lines in the page and all of them in memory for saving and finding.
trl.log = (texts, name) => {
  const { h, icon } = trl;
  const SHOWN = 5000, CHUNK = 200, KEPT = 200000;
  let lines = [];        // [number, text]
  let raw = false;
  let follow = true;
  let hits = [], hit = -1;
  const box = h("div", { class: "t-log-box", role: "log", "aria-live": "off", "aria-label": texts.log, tabindex: "0" });
  const find = h("input", { class: "t-log-find", type: "search", placeholder: texts.find, "aria-label": texts.find });
  const found = h("span", { class: "t-small t-num", role: "status" });
  const tool = (id, sign, text, act) => h("button", { type: "button", class: "t-btn t-quiet", id, onclick: act }, icon(sign), text);
  const turn = (mode) => {
    raw = mode === "raw";
    modes.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.mode === mode)));
    redraw();
  };
  const modes = ["readable", "raw"].map((mode) => h("button",
    { type: "button", class: "t-seg", "data-mode": mode, "aria-pressed": String(mode === "readable"), onclick: () => turn(mode) },
    texts[mode]));
  const wrap = tool("trl-log-wrap", "wrap", texts.wrap, () => wrap.setAttribute("aria-pressed", String(box.classList.toggle("t-wrapped"))));
  const save = tool("trl-log-save", "download", texts.download,
    () => trl.save(name + ".log", lines.map((line) => line[1]).join("\n") + "\n"));
  const newest = () => { follow = true; box.scrollTop = box.scrollHeight; };
  const bottom = h("button", { type: "button", class: "t-btn t-log-bottom", hidden: true, onclick: newest }, icon("down"), texts.newest);
  const whole = h("section", { class: "t-log" },
    h("div", { class: "t-log-bar" },
      h("h3", { class: "t-log-title" }, texts.log),
      h("div", { class: "t-segs", role: "group", "aria-label": texts.log_mode }, modes),
      h("span", { class: "t-log-space" }), found, find, wrap, save),
    h("div", { class: "t-log-frame" }, box, bottom));

  // The numbers worth a word in a line, by TRL's names; all others are in the raw log.
  const TOLD = ["loss", "eval_loss", "reward", "rewards/margins", "rewards/accuracies", "accuracy", "margin", "kl", "mean_token_accuracy",
    "completions/mean_length", "train_loss"];
  const titled = (name) => texts["metric_" + name.replace(/\W/g, "_")] || name;
  const numbers = (metrics) => TOLD.filter((name) => Number.isFinite(metrics?.[name]))
    .map((name) => `${titled(name)} ${Number(metrics[name].toPrecision(4))}`);
  const SAYS = {
    phase: (event) => "— " + (texts["phase_" + event.phase] || event.phase),
    machine: (event) => [trl.fill(texts.says_machine, { found: event.found }), ...(event.changes || [])].join(" "),
    data: (event) => trl.fill(texts[event.dropped ? "says_data_dropped" : "says_data"], { rows: event.rows, dropped: event.dropped }),
    split: (event) => event.held_out ? trl.fill(texts.says_split, { n: event.train, held: event.held_out }) : null,
    resume: (event) => trl.fill(texts.says_resume, { i: event.step, repo: event.repo }),
    begin: (event) => trl.fill(texts.says_begin, { n: event.total }),
    log: (event) => [trl.fill(texts.says_step, { i: event.step, n: event.total }), ...numbers(event.metrics)].join(" · "),
    save: (event) => trl.fill(texts.says_save, { i: event.step }),
    samples: (event) => trl.fill(texts[event.when === "after" ? "says_after" : "says_before"], { n: (event.rows || []).length }),
    pushed: (event) => trl.fill(texts.says_pushed, { repo: event.repo }),
    done: () => null,
  };
  // What a line of ours means to a person; null leaves it out. Everything else is shown as it is.
  const readable = (text) => {
    if (!text.startsWith("::trl-space ")) return text.includes("\r") ? text.slice(text.lastIndexOf("\r") + 1) || null : text;
    try {
      const event = JSON.parse(text.slice(12));
      const says = Object.hasOwn(SAYS, event.event) ? SAYS[event.event] : (other) => other.message || null;
      const said = says(event);
      return said === null ? null : String(said);
    } catch {
      return text;
    }
  };
  const make = ([number, text]) => {
    const said = raw ? text : readable(text);
    const ours = !raw && text.startsWith("::trl-space") ? "t-line-ours" : "";
    return said === null ? null : h("div", { class: `t-line ${ours}`, "data-n": number }, said || "\u00a0");
  };
  const put = (fresh) => {
    let last = box.lastElementChild;
    for (const line of fresh) {
      const element = make(line);
      if (!element) continue;
      if (!last || last.childElementCount >= CHUNK) { last = h("div", { class: "t-lines" }); box.append(last); }
      last.append(element);
    }
    let count = [...box.children].reduce((sum, chunk) => sum + chunk.childElementCount, 0);
    while (count > SHOWN && box.children.length > 1) { count -= box.firstElementChild.childElementCount; box.firstElementChild.remove(); }
    if (follow) box.scrollTop = box.scrollHeight;
  };
  const redraw = () => { box.replaceChildren(); put(lines.slice(-SHOWN)); look(); };
  const look = () => {
    box.querySelectorAll(".t-hit").forEach((line) => line.classList.remove("t-hit", "t-hit-now"));
    const word = find.value.toLowerCase();
    hits = word ? [...box.querySelectorAll(".t-line")].filter((line) => line.textContent.toLowerCase().includes(word)) : [];
    hits.forEach((line) => line.classList.add("t-hit"));
    hit = hits.length - 1;
    point();
  };
  const point = () => {
    found.textContent = find.value ? (hits.length ? `${hit + 1}/${hits.length}` : texts.no_hits) : "";
    hits.forEach((line, i) => line.classList.toggle("t-hit-now", i === hit));
    if (hits[hit]) { follow = false; box.scrollTop = hits[hit].offsetTop - box.clientHeight / 2; }
  };
  find.addEventListener("input", look);
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !hits.length) return;
    event.preventDefault();
    hit = (hit + (event.shiftKey ? -1 : 1) + hits.length) % hits.length;
    point();
  });
  box.addEventListener("scroll", () => { follow = box.scrollHeight - box.scrollTop - box.clientHeight < 40; bottom.hidden = follow; });
  return {
    element: whole,
    get next() { return lines.length ? lines[lines.length - 1][0] + 1 : 0; },
    add(first, texts_) {
      const from = this.next;
      const fresh = texts_.map((text, i) => [first + i, text]).filter((line) => line[0] >= from);
      lines.push(...fresh);
      if (lines.length > KEPT) lines = lines.slice(-KEPT);
      put(fresh);
    },
  };
};
