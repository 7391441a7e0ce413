// The log of a run: text only, a window of it in the page and what came so far in memory, for saving and finding.
// trl.log(texts, name, address): `address` is the run's route, below which older lines and the whole log are.
// add(first, lines): lines by their absolute numbers; where numbers are missing, the Hub's log was cut in its middle.
trl.log = (texts, name, address) => {
  const { h, icon } = trl;
  const SHOWN = 4000, CHUNK = 200, KEPT = 200000, PAGE = 1000, CALL = 5000;
  const says = trl.log_words(texts);
  let lines = [];        // [number, text], rising
  let raw = false;
  let follow = true;     // the window ends with the newest line, and the view stays there
  let from = 0, to = 0;  // the window: places in `lines`
  let hits = [], hit = -1, looked = 0, mistake = "", fetching = false, drawing = 0;
  let gap = null;        // [from, to): lines that nobody has any more
  const box = h("div", { class: "t-log-box", role: "log", "aria-live": "off", "aria-label": texts.log, tabindex: "0" });
  const tool = (id, sign, text, act) => h("button", { type: "button", class: "t-btn t-quiet", id, onclick: act }, icon(sign), h("span", {}, text));
  const turn = (mode) => {
    raw = mode === "raw";
    modes.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.mode === mode)));
    show(from, to);
    if (follow) newest();
    look();
  };
  const modes = ["readable", "raw"].map((mode) => h("button",
    { type: "button", class: "t-seg", "data-mode": mode, "aria-pressed": String(mode === "readable"), onclick: () => turn(mode) },
    texts[mode]));
  const find = h("input", { class: "t-log-find", type: "search", placeholder: texts.find, "aria-label": texts.find, id: "trl-log-find" });
  const found = h("span", { class: "t-small t-num t-log-found", role: "status", id: "trl-log-found" });
  const arrow = (id, sign, text, by) => h("button", { type: "button", class: "t-btn t-quiet t-log-step", id, "aria-label": text, title: text,
    hidden: true, onclick: () => next(by) }, icon(sign));
  const previous = arrow("trl-log-previous", "up", texts.find_previous, -1);
  const following = arrow("trl-log-next", "down", texts.find_next, 1);
  const wrap = tool("trl-log-wrap", "wrap", texts.wrap, () => wrap.setAttribute("aria-pressed", String(box.classList.toggle("t-wrapped"))));
  wrap.setAttribute("aria-pressed", "false");
  if (matchMedia("(max-width: 640px)").matches) wrap.click();  // nobody reads sideways on a telephone
  const error = tool("trl-log-error", "warns", texts.first_error, () => toError());
  error.hidden = true;
  const save = tool("trl-log-save", "download", texts.download, () => download());
  const newest = () => { follow = true; if (to !== lines.length) show(Math.max(0, lines.length - SHOWN), lines.length); box.scrollTop = box.scrollHeight; };
  const bottom = h("button", { type: "button", class: "t-btn t-log-bottom", hidden: true, onclick: newest }, icon("down"), texts.newest);
  const above = h("button", { type: "button", class: "t-btn t-log-more", id: "trl-log-earlier", hidden: true, onclick: () => earlier() }, texts.earlier_lines);
  const below = h("button", { type: "button", class: "t-btn t-log-more", id: "trl-log-later", hidden: true, onclick: () => later() }, texts.later_lines);
  const sheet = h("div", { class: "t-log-sheet" });
  box.append(above, sheet, below);
  const whole = h("section", { class: "t-log" },
    h("div", { class: "t-log-bar" },
      h("h3", { class: "t-log-title" }, texts.log),
      h("div", { class: "t-segs", role: "group", "aria-label": texts.log_mode }, modes), error,
      h("span", { class: "t-log-space" }), h("span", { class: "t-log-finder" }, find, found, previous, following), wrap, save),
    h("div", { class: "t-log-frame" }, box, bottom));

  // --- the window ---
  const spoken = (text) => (raw ? says.raw(text) : says.readable(text));
  const make = ([number, text], i) => {
    const said = spoken(text);
    if (said === null) return null;
    const kind = !raw && says.ours(text) ? " t-line-ours" : mistake !== "" && number === mistake ? " t-line-bad" : "";
    const line = h("div", { class: "t-line" + kind, "data-n": number }, said || "\u00a0");
    const before = lines[i - 1];
    return before && before[0] !== number - 1 ? [h("div", { class: "t-line-gap" }, trl.fill(texts.lines_missing, { n: trl.number(number - 1 - before[0]) })), line] : [line];
  };
  const chunks = (first, last) => {
    const made = [];
    for (let i = first; i < last; i += CHUNK) {
      const some = [];
      for (let j = i; j < Math.min(i + CHUNK, last); j++) some.push(...(make(lines[j], j) || []));
      made.push(h("div", { class: "t-lines", "data-from": i, "data-to": Math.min(i + CHUNK, last) }, some));
    }
    return made;
  };
  const edges = () => {
    above.hidden = !(from > 0 || (lines.length && lines[0][0] > 0));
    below.hidden = to >= lines.length;
  };
  const show = (first, last) => {
    from = first; to = last;
    sheet.replaceChildren(...chunks(from, to));
    edges();
    paintHits();
  };
  // New lines at the end of the window: into the last chunk until it is full.
  const grow = () => {
    drawing = 0;
    if (follow && lines.length - to > SHOWN) {
      from = to = lines.length - SHOWN;
      sheet.replaceChildren();
    }
    // Whoever reads further up is not moved: the window is filled, and the rest comes when it is asked for.
    const end = follow ? lines.length : Math.min(lines.length, from + SHOWN);
    let last = sheet.lastElementChild;
    while (to < end) {
      if (!last || Number(last.dataset.to) - Number(last.dataset.from) >= CHUNK) {
        last = h("div", { class: "t-lines", "data-from": to, "data-to": to });
        sheet.append(last);
      }
      const element = make(lines[to], to);
      if (element) last.append(...element);
      to += 1;
      last.dataset.to = to;
    }
    while (follow && to - from > SHOWN && sheet.children.length > 1) {
      from = Number(sheet.firstElementChild.dataset.to);
      sheet.firstElementChild.remove();
    }
    edges();
    if (find.value) { scan(looked); hit = Math.max(hit, 0); paintHits(); }
    if (follow) box.scrollTop = box.scrollHeight;
  };
  // What stands at the top of the view stays there while the window moves.
  const steady = (change) => {
    const top = box.getBoundingClientRect().top;
    const mark = [...sheet.querySelectorAll(".t-line")].find((line) => line.getBoundingClientRect().bottom > top);
    const [number, was] = mark ? [mark.dataset.n, mark.getBoundingClientRect().top] : [null, 0];
    change();
    const again = number === null ? null : sheet.querySelector(`.t-line[data-n="${number}"]`);
    if (again) box.scrollTop += again.getBoundingClientRect().top - was;
  };
  async function earlier() {
    follow = false;
    if (from === 0 && !(await older())) return;
    steady(() => show(Math.max(0, from - PAGE), Math.min(to, Math.max(0, from - PAGE) + SHOWN)));
  }
  function later() {
    steady(() => show(Math.max(from, Math.min(to + PAGE, lines.length) - SHOWN), Math.min(to + PAGE, lines.length)));
  }
  // Lines before the first that is here; false when there are none or they did not come.
  async function older() {
    let before = lines.length ? lines[0][0] : 0;
    let least = Math.max(0, before - CALL);
    if (gap && before > gap[1]) least = Math.max(least, gap[1]);
    else if (gap && before > gap[0]) [before, least] = [gap[0], Math.max(0, gap[0] - CALL)];
    if (!before || fetching || lines.length >= KEPT) return false;
    fetching = true;
    above.disabled = true;
    try {
      const answer = await fetch(trl.route(`${address}/lines`, { from: least, to: before }));
      const got = await answer.json();
      if (!answer.ok || !Array.isArray(got.lines)) return false;
      const fresh = got.lines.map((text, i) => [got.first + i, text]).filter((line) => line[0] < before);
      lines = fresh.concat(lines);
      from += fresh.length; to += fresh.length;
      hits = hits.map((one) => one + fresh.length);
      looked += fresh.length;
      sheet.querySelectorAll(".t-lines").forEach((one) => {
        one.dataset.from = Number(one.dataset.from) + fresh.length;
        one.dataset.to = Number(one.dataset.to) + fresh.length;
      });
      return fresh.length > 0;
    } catch {
      return false;
    } finally {
      fetching = false;
      above.disabled = false;
      edges();
    }
  }
  const go = (place) => {
    follow = false;
    if (place < from || place >= to) show(Math.max(0, place - SHOWN / 2), Math.min(lines.length, Math.max(0, place - SHOWN / 2) + SHOWN));
    paintHits();
    const line = sheet.querySelector(`.t-line[data-n="${lines[place][0]}"]`);
    if (line) box.scrollTop += line.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 2;
  };

  // --- finding ---
  // All that is in memory is looked through; what is before it comes first, once somebody looks for something.
  const scan = (first) => {
    const word = find.value.toLowerCase();
    for (let i = first; word && i < lines.length; i++)
      if ((spoken(lines[i][1]) || "").toLowerCase().includes(word)) hits.push(i);
    looked = lines.length;
  };
  async function look() {
    const word = find.value;
    hits = [];
    scan(0);
    hit = hits.length - 1;
    if (hits.length) go(hits[hit]);
    paintHits();
    if (word && lines.length && lines[0][0] > 0 && (await older()) && find.value === word) look();
  }
  const paintHits = () => {
    const word = find.value;
    found.textContent = word ? (hits.length ? `${trl.number(hit + 1)}/${trl.number(hits.length)}` : texts.no_hits) : "";
    previous.hidden = following.hidden = hits.length < 2;
    sheet.querySelectorAll(".t-hit").forEach((line) => line.classList.remove("t-hit", "t-hit-now"));
    if (!hits.length) return;
    const numbers = new Set(hits.filter((i) => i >= from && i < to).map((i) => lines[i][0]));
    const current = lines[hits[hit]][0];
    sheet.querySelectorAll(".t-line").forEach((line) => {
      const number = Number(line.dataset.n);
      line.classList.toggle("t-hit", numbers.has(number));
      line.classList.toggle("t-hit-now", number === current);
    });
  };
  const next = (by) => {
    if (!hits.length) return;
    hit = (hit + by + hits.length) % hits.length;
    go(hits[hit]);
  };
  find.addEventListener("input", () => look());
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    next(event.shiftKey ? -1 : 1);
  });

  // --- the first error, and all of it as a file ---
  const toError = () => {
    const place = lines.findIndex((line) => line[0] === mistake);
    if (place < 0) return;
    go(place);
    const line = sheet.querySelector(`.t-line[data-n="${mistake}"]`);
    line?.classList.add("t-line-bad");
  };
  const seek = (some) => {
    if (mistake !== "") return;
    const first = some.find(([, text]) => says.bad(text));
    if (!first) return;
    mistake = first[0];
    error.hidden = false;
  };
  async function download() {
    const all = lines.length && lines[0][0] === 0 && lines[lines.length - 1][0] === lines.length - 1;
    if (all) return trl.save(name + ".log", lines.map((line) => line[1]).join("\n") + "\n");
    h("a", { href: trl.route(`${address}/log.txt`), download: name + ".log" }).click();
  }
  box.addEventListener("scroll", () => {
    const low = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    follow = low && to === lines.length;
    bottom.hidden = low && to === lines.length;
  });
  return {
    element: whole,
    get next() { return lines.length ? lines[lines.length - 1][0] + 1 : 0; },
    add(first, texts_) {
      const known = this.next;
      const fresh = texts_.map((text, i) => [first + i, text]).filter((line) => line[0] >= known);
      if (!fresh.length) return;
      for (const line of fresh) lines.push(line);
      seek(fresh);
      if (lines.length > KEPT) {
        const gone = lines.length - KEPT;
        lines = lines.slice(gone);
        from = Math.max(0, from - gone); to = Math.max(0, to - gone);
        hits = hits.filter((i) => i >= gone).map((i) => i - gone);
        looked = Math.max(0, looked - gone);
        if (!follow || !to) show(from, to);
        else {
          sheet.replaceChildren();
          from = to = Math.max(0, lines.length - SHOWN);
        }
      }
      if (!drawing) drawing = setTimeout(grow, document.hidden ? 500 : 30);
    },
    missing(range) { gap = range; },
    // The last lines that say something, as a person reads them.
    tail(most) {
      const said = [];
      for (let i = lines.length - 1; i >= 0 && said.length < most; i--) {
        const text = says.readable(lines[i][1]);
        if (text && text.trim() && !says.aside(text)) said.unshift(text.slice(0, 300));
      }
      return said;
    },
  };
};
