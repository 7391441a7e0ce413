// One run: where it stands, what it costs, its numbers, its answers and its log. Reads our own event stream, which starts
// again by itself where it stopped (`run_stream.js`); the address of the page is all it needs. What a message holds is in
// `ui/run_news.py`.
trl.parts.run_view = ({ element, props, server, texts }) => {
  const { h, icon } = trl;
  if (trl.view !== "run") return;
  const asked = new URLSearchParams(location.search).get("run") || "";
  const [owner, job] = asked.split("/");
  const PLAIN = [{ id: "loss", title: texts.metric_loss, note: texts.note_loss }];
  const address = `gradio_api/trl/runs/${encodeURIComponent(owner || "")}/${encodeURIComponent(job || "")}`;
  let run = null, state = {}, points = [], charts = PLAIN, result = null, receipt = null;
  let skew = 0, ended = false, answers = null, joined = false, trouble = "";

  const title = h("h1", { class: "t-run-title" }, trl.bone("min(320px, 80%)", "28px"));
  const badge = h("span", { class: "t-badge t-mark", id: "trl-run-rehearsal", hidden: true }, texts.rehearsal);
  const under = h("p", { class: "t-run-under t-small" }, trl.bone("220px", "14px"));
  const status = trl.run_status(texts, asked);
  const hints = h("ul", { class: "t-run-hints", id: "trl-run-hints", hidden: true });
  const end = trl.run_end(texts);
  const hardware = trl.hardware(texts);
  const chart = trl.chart(texts);
  const facts = h("dl", { class: "t-run-facts" });
  const notes = h("div", { class: "t-run-notes", id: "trl-run-notes", hidden: true });
  const samples = trl.samples();
  const log = trl.log(texts, job || "run", address);
  const stop = h("button", { type: "button", class: "t-btn t-danger", id: "trl-stop", hidden: true, onclick: confirm },
    icon("stop"), texts.stop);
  const sure = h("div", { class: "t-sure", role: "alertdialog", "aria-label": texts.stop, hidden: true });
  const share = async () => {
    await trl.copy(new URL(`${location.pathname}?run=${asked}`, location.href).href);
    link.lastChild.textContent = texts.copied;
    setTimeout(() => { link.lastChild.textContent = texts.copy; }, 2000);
  };
  const link = h("button", { type: "button", class: "t-btn t-quiet", onclick: share }, icon("link"), texts.copy);
  const code = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-run-code", "aria-haspopup": "dialog", hidden: true,
    onclick: () => trl.show_code({ run: asked }) }, icon("code"), texts.code);
  const pass = h("button", { type: "button", class: "t-btn t-quiet", id: "trl-run-share", "aria-haspopup": "dialog", hidden: true,
    onclick: () => trl.show_share({ query: run.recipe, run: asked }) }, icon("share"), texts.share);
  const head = h("div", { class: "t-card t-run-head" },
    h("div", { class: "t-run-top" }, h("div", { class: "t-run-name" }, title, badge, under),
      h("div", { class: "t-run-acts" }, status.tell, link, pass, code, stop)),
    sure, status.head, hardware.element, hints, end.outcome);
  const about = h("section", { class: "t-card" }, h("h2", { class: "t-title" }, texts.facts), facts);
  const picture = h("section", { class: "t-card" }, chart.element, notes);
  const grid = h("div", { class: "t-run-grid" }, picture, about);
  const page = h("div", { class: "t-run" }, head, grid, samples.element, end.more,
    h("div", { class: "t-card t-run-log" }, log.element));
  // Until it is known how the run stands, bones stand where the page will be: nothing on it moves when it is.
  const wait = h("div", { class: "t-run-wait", "aria-hidden": "true" },
    h("div", { class: "t-card" }, trl.bone("min(320px, 80%)", "28px"), trl.bone("min(220px, 60%)", "14px"), trl.bone("100%", "8px"), trl.bone("100%", "18px")),
    h("div", { class: "t-card" }, trl.bone("120px", "18px"), trl.bone("100%", "300px")));
  element.append(h("div", { class: "t-run-frame" }, page, wait));
  const settle = () => wait.remove();

  const now = () => Date.now() / 1000 + skew;

  const parts = [...page.children];
  let shown = "";
  const problem = (sentence, kind) => {
    if (sentence === shown) return;  // read aloud once
    shown = sentence;
    settle();
    const back = h("a", { class: "t-btn", href: trl.page("view=runs") }, texts.to_runs);
    const sign = h("button", { type: "button", class: "t-btn t-primary", id: "trl-run-signin", onclick: trl.signIn }, texts.signin);
    page.replaceChildren(h("div", { class: "t-card t-empty", id: "trl-run-problem", role: "alert" },
      icon(kind === "signin" ? "user" : "blocks"),
      h("h1", { class: "t-title" }, texts["problem_" + kind] || texts.problem_other), h("p", {}, sentence),
      trl.run_stream.lasts(kind) ? null : h("p", { class: "t-small" }, texts.tries_again),
      h("div", { class: "t-empty-acts" }, kind === "signin" ? sign : null, back)));
    document.title = texts.name;
  };

  // What is kept when it is stopped now, and what it cost until now: said before it is done.
  const keeps = () => {
    if (run.rehearsal) return texts.stop_rehearsal;
    if (!run.recipe || run.script) return texts.stop_elsewhere;
    const at = { i: state.step, n: state.total, saved: state.saved };
    const trains = state.total && state.step;
    const kept = !trains ? texts.stop_nothing : state.saved ? trl.fill(texts.stop_saved, at) : trl.fill(texts.stop_unsaved, at);
    const spent = status.price(run, status.seconds(run, now()));
    return [kept, spent === null || !run.started ? "" : trl.fill(texts.stop_cost, { now: trl.money(spent) })].join(" ").trim();
  };
  function confirm() {
    sure.hidden = false;
    const yes = h("button", { type: "button", class: "t-btn t-danger", id: "trl-stop-yes", onclick: async () => {
      yes.disabled = true;
      yes.textContent = texts.stopping;
      let answer;
      try { answer = await server.cancel({ run: asked }); } catch { answer = { problem: texts.lost }; }
      sure.hidden = !answer.problem;
      if (!answer.problem) return;
      yes.disabled = false;
      yes.textContent = texts.stop_yes;
      sure.firstChild.textContent = answer.problem;
    } }, texts.stop_yes);
    const keep = () => { sure.hidden = true; stop.focus(); };
    sure.replaceChildren(h("span", { id: "trl-stop-keeps" }, keeps()), yes,
      h("button", { type: "button", class: "t-btn", onclick: keep }, texts.stop_no));
    yes.focus();
  }

  // The end that the page shows: a run that stopped early and saved did not fail, whatever its job's stage is called.
  const where = () => {
    if (run?.ended && state.stopped) return "stopped";
    if (run?.ended && run.stage !== "COMPLETED") return "failed";
    if (run?.stage === "COMPLETED") {
      if (result?.url || result?.rehearsed) return "done";
      return result?.elsewhere ? "ended" : state.phase === "failed" ? "failed" : "saving";
    }
    if (run?.stage === "SCHEDULING") return "waiting";
    if (run?.rehearsal && ["done", "stopped", "saving"].includes(state.phase)) return "training";
    if (state.phase === "done" || state.phase === "stopped") return "saving";
    return state.phase && state.phase !== "waiting" ? state.phase : "starting";
  };
  const calm = () => run.stage === "CANCELED" || Boolean(state.stopped);

  const paint = () => {
    if (!run) return;
    const phase = where();
    const idle = !run.ended && !["training", "saving", "done"].includes(phase);
    status.paint({ run, state, phase, calm: calm(), now: now(), idle, trouble });
    if (run.ended && !points.length) chart.nothing(texts.no_points_ended);
    if (run.ended) hardware.over();
    // A script need not train, and then there is nothing to draw.
    picture.hidden = run.script && !points.length;
    grid.classList.toggle("t-run-grid-one", picture.hidden);
    stop.hidden = run.ended;
    code.hidden = false;
    pass.hidden = !run.recipe || phase === "done";  // then it stands with what can be done with the result
    badge.hidden = !run.rehearsal;
    if (run.ended) sure.hidden = true;
    paintFacts();
    paintNotes(phase);
    samples.set(answers?.finished ? answers : null);
    // The last lines count once all have come.
    const tail = ended ? log.tail(6) : [];
    // Without a value there is no picture to look at; what is known of the run stands beside its receipt then.
    const bare = ended && Boolean(receipt) && !points.length && !state.notes?.length;
    grid.hidden = bare;
    if (!bare && about.parentNode !== grid) grid.append(about);
    end.paint({ run, state, phase, calm: calm(), result, receipt, early: status.early(state), tail, beside: bare ? about : null });
  };

  const small = (value) => (value === null ? null
    : value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : trl.digits(value, 4));
  const paintFacts = () => {
    const rate = state.latest?.learning_rate;
    const used = state.rows ? trl.number(Number(state.rows)) : null;
    const rows = [
      [texts.machine, run.machine],
      state.resumed ? [texts.resumed, trl.fill(texts.resumed_at, { i: state.resumed.step, repo: state.resumed.repo })] : null,
      [texts.rows_used, used && state.dropped ? trl.fill(texts.rows_dropped, { n: used, dropped: state.dropped }) : used],
      state.held_out ? [texts.held_out, state.held_out] : null,
      [texts.step, state.total ? `${state.step || 0} / ${state.total}` : null],
      ...charts.slice(0, 2).map((one) => [one.title, small(chart.last(one.id))]),
      [texts.epoch, Number.isFinite(state.epoch) ? trl.number(state.epoch, { maximumFractionDigits: 2 }) : null],
      state.speed ? [texts.speed, state.speed] : null,
      [texts.rate, Number.isFinite(rate) ? small(rate) : null],
      run.expected?.time ? [texts.expected, Object.values(run.expected).join(", ")] : null,
      [texts.limit, run.timeout ? trl.duration(run.timeout).replace(" 00 min", "") : null],
      run.rehearsal ? [texts.rehearsal, texts.rehearsal_note] : run.script ? null : [texts.target, run.target],
      [texts.payer, owner],
    ];
    const known = (row) => row && !(row[1] === null || row[1] === undefined || row[1] === "");
    // What is not known yet keeps its place; of a run that ended or was started elsewhere, it will stay unknown.
    const told = rows.filter((row) => row && (known(row) || (run.recipe && !run.script && !run.ended)));
    const text = JSON.stringify(told);
    if (facts.dataset.key === text) return;
    facts.dataset.key = text;
    facts.replaceChildren(...told.flatMap((row) => [h("dt", {}, row[0]), h("dd", { class: "t-num" }, known(row) ? row[1] : "–")]));
  };

  const paintNotes = (phase) => {
    const all = state.notes || [];
    const bad = phase === "failed" && !calm() ? [] : state.hints || [];
    const key = JSON.stringify([all, bad, state.found]);
    if (notes.dataset.key === key) return;
    notes.dataset.key = key;
    notes.hidden = !all.length;
    const why = trl.fill(state.found ? texts.notes_found : texts.notes, { found: state.found });
    notes.replaceChildren(h("h3", { class: "t-small" }, why), h("ul", {}, all.map((one) => h("li", {}, one))));
    hints.hidden = !bad.length;
    hints.replaceChildren(...bad.map((one) => h("li", { class: "t-run-hint" }, icon("warns"),
      h("div", {}, h("strong", {}, one.title), h("p", {}, one.reason)))));
  };

  // What the run before this one measured, for a chart without a seam; without it the chart begins here.
  async function join() {
    joined = true;
    try {
      const reply = await fetch(trl.route(`${address}/earlier`));
      const answer = await reply.json();
      if (!reply.ok || !answer.points?.length) return;
      chart.before(answer.points);
      const before = answer.runs.map((one) => h("a", { href: trl.page("run=" + one.id) }, one.title));
      under.append(" · ", texts.goes_on, " ", ...before.flatMap((one, i) => (i ? [", ", one] : [one])));
    } catch { /* the chart begins where this run began */ }
  }

  const take = (message) => {
    if (message.now) skew = message.now - Date.now() / 1000;
    if (message.run) run = { ...run, ...message.run };
    if (message.connected !== undefined && run) run.connected = message.connected;
    if (message.state) {
      status.take(message.state, now());
      state = { ...state, ...message.state };
    }
    if (message.charts) charts = message.charts;
    if (message.points) {
      points.length = Math.min(points.length, message.points_from);
      for (const one of message.points) points.push(one);
    }
    if (message.points || message.charts || message.state) chart.set(points, state.total, charts);
    if (message.samples !== undefined) answers = message.samples;
    if (message.hardware) hardware.add(message.hardware);
    if (message.result) result = message.result;
    if (message.receipt) receipt = message.receipt;
    if (message.gap) log.missing(message.gap);
    if (message.lines?.length) log.add(message.first, message.lines);
    if (state.resumed && !joined) join();
    soon();
  };
  const settled = () => setTimeout(settle, 60); // what is to be painted soon is painted by then
  // Many messages in a moment are painted once.
  let waiting = 0;
  const soon = () => { if (!waiting) waiting = setTimeout(() => { waiting = 0; paint(); }, 30); };

  async function begin() {
    let answer;
    try {
      answer = await (await fetch(trl.route(address))).json();
    } catch {
      answer = { problem: texts.lost, kind: "lost" };
    }
    if (answer.problem) {
      problem(answer.problem, answer.kind);
      return trl.run_stream.lasts(answer.kind) ? null : setTimeout(begin, trl.run_stream.PAUSE);
    }
    if (shown) page.replaceChildren(...parts);
    shown = "";
    title.textContent = answer.run.title;
    under.textContent = answer.run.subtitle;
    take(answer);
    setTimeout(settle, 3000);
    setInterval(() => { if (!run.ended) paint(); }, 1000);
    return trl.run_stream(texts, address, () => log.next, {
      update: (message) => { take(message); if (!run.ended && message.state) settled(); },
      end: (message) => { ended = true; take(message); settled(); },
      refused: problem,
      lost: (sentence) => { if (sentence !== trouble) { trouble = sentence; paint(); } },
    });
  }
  begin();
};
