// The visitor's runs, as the Hub lists them: filters, pages, and what is going, looked at now and then.
// What the calls take and give is in `ui/my_runs.py`; a line of the list is in `run_rows.js`. goals: [[id, words]].
// With a group in the address (`view=runs&group=…`) it is the wall of that group: its runs in all of them.
// Each namespace is read to a place of its own. What is older than the place of one that has more is held back until it
// is read so far too: then lines are only ever added at the end.
trl.parts.runs = ({ element, props, server, texts }) => {
  const { h, icon } = trl;
  if (trl.view !== "runs" || new URLSearchParams(location.search).has("compare")) return;
  const EVERY = 15000, LONGEST = 120000;
  const group = (new URLSearchParams(location.search).get("group") || "").slice(0, 40);
  const tell = (text) => { aloud.textContent = text; };
  const aloud = h("span", { class: "t-sr", role: "status", id: "trl-runs-aloud" });

  // One list: the runs of this app, or the other jobs of the account.
  const list = (others, filter, drawn) => {
    const rows = trl.run_rows({ server, texts, tell, chosen: others ? () => {} : marked });
    const all = new Map();
    let spaces = {}, late = [], notes = [], problem = null, turn = 0, busy = "", asked = false;
    const horizon = () => Math.max(0, ...Object.values(spaces).filter((one) => one.cursor).map((one) => one.oldest));
    const words = (run) => [run.title, run.subtitle, run.machine, run.target, run.id, run.word, run.by].join(" ").toLowerCase();
    const shown = () => {
      const since = horizon(), text = (filter().text || "").toLowerCase().split(/\s+/).filter(Boolean);
      return [...all.values()].filter((run) => run.created >= since && text.every((one) => words(run).includes(one)))
        .sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
    };
    const take = (answer) => {
      for (const run of answer.runs) all.set(run.id, run);
      Object.assign(spaces, answer.spaces);
      late = late.filter((name) => !(name in answer.spaces));
      notes = [...new Set([...notes, ...answer.notes])];
    };
    const paint = () => drawn({
      runs: shown(), all: all.size, late, notes, problem, busy, asked, more: Object.values(spaces).some((one) => one.cursor),
    });
    const ask = async (more) => {
      const mine = turn, { state, goal, owner } = filter();
      let answer;
      try { answer = await server.list({ state, goal, owner, group: others ? "" : group, others, more }); } catch { answer = { problem: texts.lost }; }
      return mine === turn ? answer : null;
    };
    // Those that took too long for the first page come when they come.
    const wait = async () => {
      const answer = late.length ? await ask(late.map((name) => [name, ""])) : null;
      if (!answer) return;
      if (answer.problem) notes = [...notes, ...late.map((name) => `${name}: ${answer.problem}`)]; else take(answer);
      late = [];
      paint();
    };
    return {
      rows, paint,
      async load() {
        turn += 1;
        busy = "anew";
        paint();
        const answer = await ask(null);
        if (!answer) return;
        all.clear();
        [spaces, notes, late, problem, busy, asked] = [{}, [], answer.late || [], answer.problem ? answer : null, "", true];
        if (!problem) take(answer);
        paint();
        wait();
        return answer;
      },
      async more() {
        const far = Object.entries(spaces).filter(([, one]) => one.cursor && one.oldest >= horizon());
        busy = "more";
        paint();
        const answer = await ask(far.map(([name, one]) => [name, one.cursor]));
        if (!answer) return;
        busy = "";
        if (answer.problem) tell(answer.problem);
        notes = answer.problem ? [answer.problem] : [];
        if (!answer.problem) take(answer);
        paint();
        return answer;
      },
    };
  };

  // --- filters ---
  const { empty, button } = trl.lists;
  const select = (name, choices) => trl.lists.choice(`trl-runs-${name}`, texts["filter_" + name], choices, () => begin());
  const state = select("state", [["", texts.all_states], ["going", texts.state_going], ["done", texts.state_done],
    ["failed", texts.state_failed], ["stopped", texts.state_stopped]]);
  const goal = select("goal", [["", texts.all_goals], ...(props.goals || [])]);
  const owner = select("owner", [["", texts.all_owners]]);
  owner.field.hidden = true;
  let pause = 0;
  const find = h("input", { type: "search", id: "trl-runs-text", placeholder: texts.filter_hint, autocomplete: "off", oninput: () => {
    clearTimeout(pause);
    pause = setTimeout(() => { keep(); main.paint(); count(); }, 150);
  } });
  const filters = h("div", { class: "t-runs-filters", role: "search", "aria-label": texts.filters },
    state.field, goal.field, owner.field, h("label", { class: "t-runs-field t-runs-find" }, h("span", { class: "t-small" }, texts.filter_text), find));
  const filter = () => ({ state: state.box.value, goal: goal.box.value, owner: owner.box.value, text: find.value.trim() });
  const filtered = () => Object.values(filter()).some(Boolean);
  const clear = () => {
    for (const one of [state.box, goal.box, owner.box, find]) one.value = "";
    begin();
    state.box.focus();
  };
  const offer = (names) => {
    const there = [...owner.box.options].map((one) => one.value);
    owner.box.append(...names.filter((name) => !there.includes(name)).map((name) => h("option", { value: name }, name)));
    owner.field.hidden = false;
  };
  // Kept with this entry of the browser's history: a reload, and the way back from a run, find the same list.
  const keep = () => history.replaceState({ ...history.state, runs: filter() }, "");
  const kept = history.state?.runs || {};
  if (typeof kept.owner === "string" && kept.owner) offer([kept.owner]);
  for (const [box, value] of [[state.box, kept.state], [goal.box, kept.goal], [owner.box, kept.owner], [find, kept.text]])
    if (box === find || [...box.options].some((one) => one.value === value)) box.value = value || "";
  let amount = 0;
  const count = () => tell(amount === 1 ? texts.shown_one : trl.fill(texts.shown, { n: amount }));

  // --- comparing ---
  const bar = h("div", { class: "t-runs-bar", id: "trl-runs-bar", hidden: true });
  function marked(ids) {
    bar.hidden = !ids.length;
    const go = h("a", { class: "t-btn t-primary", id: "trl-compare-go", href: trl.page("view=runs&compare=" + ids.join(",")) }, texts.compare_go);
    bar.replaceChildren(h("span", { role: "status" }, ids.length > 1 ? texts.compare_two : texts.compare_one), ids.length > 1 ? go : "",
      h("button", { type: "button", class: "t-btn", onclick: () => main.rows.clear() }, texts.compare_clear));
  }

  // --- drawing ---
  const body = h("div", { class: "t-runs", id: "trl-runs" });
  const foot = h("div", { class: "t-runs-foot" });
  const bones = () => [1, 2, 3].map(() => h("div", { class: "t-runs-bone" }, trl.bone("88px", "18px"), trl.bone("45%", "18px"), trl.bone("20%", "18px")));
  const hold = (place, parts) => {
    // The same nodes stay where they are: what is replaced loses the focus.
    if (place.childNodes.length !== parts.length || parts.some((one, i) => place.childNodes[i] !== one)) place.replaceChildren(...parts);
  };
  const moreButton = button(texts.more, async () => {
    const before = amount;
    if (!(await main.more())) return;
    count();
    // The button may be gone; who used it goes on at the first line that is new.
    if (document.activeElement === document.body) body.querySelectorAll("a.t-runs-title")[before]?.focus();
  });
  moreButton.id = "trl-runs-more";
  const slow = h("p", { class: "t-small t-runs-note" });
  const draw = (now) => {
    amount = now.runs.length;
    body.setAttribute("aria-busy", String(now.busy === "anew"));
    slow.hidden = !now.late.length;
    slow.textContent = trl.fill(texts.slow, { names: now.late.join(", ") });
    foot.replaceChildren(...(now.runs.length || filtered() ? now.notes : []).map((note) => h("p", { class: "t-small t-runs-note" }, note)), slow);
    moreButton.hidden = !now.more || !now.asked;
    moreButton.disabled = now.busy === "more";
    moreButton.textContent = now.busy === "more" ? texts.waiting : find.value.trim() ? texts.more_text : texts.more;
    if (!now.asked) return hold(body, bones());
    if (now.problem) {
      const sign = button(texts.signin, trl.signIn, "t-primary");
      return body.replaceChildren(empty(now.problem.signin ? "user" : "blocks", null, now.problem.problem, now.problem.signin ? sign : null));
    }
    filters.hidden = !now.all && !filtered() && !now.more;
    others.hidden = Boolean(group);
    if (now.runs.length || now.busy || now.late.length) {
      main.rows.set(now.runs);
      return hold(body, [main.rows.element]);
    }
    main.rows.set([]);
    if (filtered() || now.more) return body.replaceChildren(empty("search", null, now.more ? texts.none_further : texts.none_found, button(texts.clear, clear)));
    if (group) return body.replaceChildren(empty("rows", texts.group_none, texts.group_none_text));
    hold(body, [beginning]);
    if (!beginning.childElementCount) starters(now.notes);
  };

  // --- nothing yet ---
  const beginning = h("div", { class: "t-first", id: "trl-runs-first" });
  async function starters(notes) {
    const cards = h("ul", { class: "t-first-list", "aria-busy": "true" }, [1, 2, 3].map(() => h("li", { class: "t-first-card" },
      trl.bone("70%", "18px"), trl.bone("90%", "15px"), trl.bone("40%", "15px"))));
    const wait = h("p", { class: "t-small", hidden: true }, texts.first_wait);
    setTimeout(() => { wait.hidden = cards.getAttribute("aria-busy") !== "true"; }, 3000);
    beginning.replaceChildren(icon("rows"), h("h2", { class: "t-title" }, texts.none), h("p", {}, texts.none_text), cards, wait,
      ...notes.map((note) => h("p", { class: "t-small" }, note)),
      h("div", { class: "t-empty-acts" }, h("a", { class: "t-btn", href: trl.page("") }, texts.first)));
    let answer;
    try { answer = await server.first({}); } catch { answer = { runs: [] }; }
    cards.setAttribute("aria-busy", "false");
    wait.hidden = true;
    cards.replaceChildren(...(answer.runs || []).map((run) => h("li", { class: "t-first-card" },
      h("h3", {}, run.title), h("p", { class: "t-small" }, run.text),
      h("p", { class: "t-num t-first-price" }, h("strong", {}, run.price), h("span", { class: "t-small" }, run.time)),
      h("a", { class: "t-btn", href: trl.page(run.query), "aria-label": `${texts.first_open}: ${run.title}` }, texts.first_open, icon("right")))));
  }

  // --- jobs that were started elsewhere ---
  const inside = h("div", { class: "t-others-body" });
  const furtherButton = button(texts.more, () => elsewhere.more());
  const elsewhere = list(true, () => ({ owner: owner.box.value }), (now) => {
    furtherButton.hidden = !now.more;
    furtherButton.disabled = Boolean(now.busy);
    furtherButton.textContent = now.busy ? texts.waiting : texts.more;
    inside.setAttribute("aria-busy", String(Boolean(now.busy)));
    if (!now.asked) return hold(inside, bones());
    elsewhere.rows.set(now.runs);
    const none = now.runs.length || now.busy ? null : h("p", { class: "t-small" }, now.problem?.problem || (now.more ? texts.others_none : texts.others_end));
    const notes = now.notes.map((note) => h("p", { class: "t-small" }, note));
    hold(inside, [now.runs.length ? elsewhere.rows.element : null, none, ...notes, furtherButton].filter(Boolean));
  });
  const others = h("details", { class: "t-card t-others", id: "trl-runs-others", hidden: true, ontoggle: () => { if (others.open) elsewhere.load(); } },
    h("summary", {}, h("span", {}, texts.others)), h("p", { class: "t-small" }, texts.others_note), inside);

  const main = list(false, filter, draw);
  async function begin(quiet) {
    keep();
    const answer = await main.load();
    if (answer?.owners?.length > 1) offer(answer.owners);
    if (answer && !answer.problem && !quiet) count();
  }
  const again = h("button", { type: "button", class: "t-btn", id: "trl-runs-refresh", onclick: () => begin() }, icon("again"), texts.refresh);
  element.append(h("div", { class: "t-card t-runs-card" },
    h("div", { class: "t-runs-top" }, h("h1", { class: "t-title" }, group ? trl.fill(texts.group_title, { group }) : texts.title), again),
    group ? h("p", { class: "t-small t-runs-group", id: "trl-runs-group" }, texts.group_note, " ", h("a", { href: trl.page("view=runs") }, texts.group_all)) : "",
    filters, body, h("div", { class: "t-runs-more" }, moreButton), foot, aloud, bar), others);
  begin(true);

  // What is going is looked at again while the page is seen; less often while the Hub does not answer.
  let every = EVERY, due = Date.now() + EVERY;
  const tick = async () => {
    if (document.hidden || Date.now() < due) return;
    due = Infinity;
    const told = await Promise.all([main, elsewhere].map((one) => {
      const ids = one.rows.going().slice(0, 24);
      return ids.length ? one.rows.look(ids) : true;
    }));
    every = told.every(Boolean) ? EVERY : Math.min(2 * every, LONGEST);
    due = Date.now() + every;
  };
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
};
