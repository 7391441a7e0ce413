// One run: where it stands, what it costs, its numbers, its answers and its log. Reads our own event stream, which starts
// again by itself where it stopped; the address of the page is all it needs. What a message holds is in `ui/run_news.py`.
trl.parts.run_view = ({ element, props, server, texts }) => {
  const { h, icon } = trl;
  if (trl.view !== "run") return;
  const asked = new URLSearchParams(location.search).get("run") || "";
  const [owner, job] = asked.split("/");
  const PHASES = ["waiting", "starting", "installing", "downloading", "training", "saving", "done"];
  // A rehearsal saves nothing.
  const PHASES_OF = (run) => PHASES.filter((name) => !run?.rehearsal || name !== "saving");
  const PLAIN = [{ id: "loss", title: texts.metric_loss, note: texts.note_loss }];
  const address = `gradio_api/trl/runs/${encodeURIComponent(owner || "")}/${encodeURIComponent(job || "")}`;
  let run = null, state = {}, points = [], charts = PLAIN, result = null;
  let skew = 0, source = null, ended = false, said = "", left = null, answers = null;

  const title = h("h1", { class: "t-run-title" }, trl.bone("min(320px, 80%)", "28px"));
  const badge = h("span", { class: "t-badge t-mark", id: "trl-run-rehearsal", hidden: true }, texts.rehearsal);
  const under = h("p", { class: "t-run-under t-small" }, trl.bone("220px", "14px"));
  const status = h("div", { class: "t-run-status", id: "trl-run-status" }, trl.bone("240px", "18px"));
  const phases = h("ol", { class: "t-phases", "aria-label": texts.phases });
  const bar = h("div", { class: "t-progress", role: "progressbar", "aria-label": texts.progress, "aria-valuemin": 0,
    "aria-valuemax": 100 }, h("span", {}));
  const aloud = h("span", { class: "t-sr", role: "status", "aria-live": "polite", id: "trl-run-aloud" });
  const hints = h("ul", { class: "t-run-hints", id: "trl-run-hints", hidden: true });
  const outcome = h("div", { class: "t-outcome", id: "trl-run-outcome", hidden: true });
  const chart = trl.chart(texts);
  const facts = h("dl", { class: "t-run-facts" });
  const notes = h("div", { class: "t-run-notes", id: "trl-run-notes", hidden: true });
  const samples = trl.samples();
  const log = trl.log(texts, job || "run");
  const stop = h("button", { type: "button", class: "t-btn t-danger", id: "trl-stop", hidden: true, onclick: confirm },
    icon("stop"), texts.stop);
  const sure = h("div", { class: "t-sure", role: "alertdialog", "aria-label": texts.stop_sure, hidden: true });
  const share = async () => {
    await trl.copy(location.href);
    link.lastChild.textContent = texts.copied;
    setTimeout(() => { link.lastChild.textContent = texts.copy; }, 2000);
  };
  const link = h("button", { type: "button", class: "t-btn", onclick: share }, icon("link"), texts.copy);
  const head = h("div", { class: "t-card t-run-head" },
    h("div", { class: "t-run-top" }, h("div", { class: "t-run-name" }, title, badge, under), h("div", { class: "t-run-acts" }, link, stop)),
    sure, status, bar, phases, aloud, hints, outcome);
  const page = h("div", { class: "t-run" }, head,
    h("div", { class: "t-run-grid" },
      h("section", { class: "t-card" }, chart.element, notes),
      h("section", { class: "t-card" }, h("h2", { class: "t-title" }, texts.facts), facts)),
    samples.element,
    h("div", { class: "t-card t-run-log" }, log.element));
  element.append(page);

  const now = () => Date.now() / 1000 + skew;
  const seconds = () => (run?.started ? (run.finished || now()) - run.started : 0);
  const spent = () => (run?.usd_per_minute ? (Math.min(seconds(), run.timeout || Infinity) / 60) * run.usd_per_minute : null);

  // Time left: what the worker said last, less what went by since; else from the speed as this page saw it.
  const seen = [];
  const remaining = () => {
    if (left) return Math.max(0, left.seconds - (now() - left.at));
    if (!state.total || !state.step) return null;
    if (!seen.length || seen[seen.length - 1][1] !== state.step) seen.push([now(), state.step]);
    while (seen.length > 2 && now() - seen[0][0] > 180) seen.shift();
    const [since, from] = seen[0];
    const [until, to] = seen[seen.length - 1];
    return to > from && now() - since > 4 ? ((state.total - to) * (until - since)) / (to - from) : null;
  };

  const problem = (sentence, kind) => {
    const back = h("a", { class: "t-btn", href: trl.page("view=runs") }, texts.to_runs);
    const sign = h("button", { type: "button", class: "t-btn t-primary", id: "trl-run-signin", onclick: trl.signIn }, texts.signin);
    page.replaceChildren(h("div", { class: "t-card t-empty", id: "trl-run-problem", role: "alert" },
      icon(kind === "signin" ? "user" : "blocks"),
      h("h1", { class: "t-title" }, texts["problem_" + kind] || texts.problem_other), h("p", {}, sentence),
      h("div", { class: "t-empty-acts" }, kind === "signin" ? sign : null, back)));
    document.title = texts.name;
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
    sure.replaceChildren(h("span", {}, run?.rehearsal ? texts.stop_rehearsal : texts.stop_sure), yes,
      h("button", { type: "button", class: "t-btn", onclick: keep }, texts.stop_no));
    yes.focus();
  }

  // The end that the page shows: a run that stopped early and saved did not fail, whatever its job's stage is called.
  const where = () => {
    if (run?.ended && state.stopped) return "stopped";
    if (run?.ended && run.stage !== "COMPLETED") return "failed";
    if (run?.stage === "COMPLETED") return result?.url || result?.rehearsed ? "done" : state.phase === "failed" ? "failed" : "saving";
    if (run?.stage === "SCHEDULING") return "waiting";
    if (run?.rehearsal && ["done", "stopped", "saving"].includes(state.phase)) return "training";
    if (state.phase === "done" || state.phase === "stopped") return "saving";
    return state.phase && state.phase !== "waiting" ? state.phase : "starting";
  };
  const calm = () => run.stage === "CANCELED" || Boolean(state.stopped);

  const paintPhases = (phase) => {
    const over = phase === "failed" || phase === "stopped";
    const all = PHASES_OF(run);
    const reached = over ? state.reached || "starting" : phase;
    const at = all.indexOf(all.includes(reached) ? reached : "training");
    phases.style.setProperty("--phases", all.length);
    phases.replaceChildren(...all.map((name, i) => {
      const kind = over && i === at ? (calm() ? "stopped" : "bad") : i < at || phase === "done" ? "past" : i === at ? "now" : "next";
      const sign = { past: "ok", bad: "blocks", stopped: "stop" }[kind];
      const later = kind === "past" || kind === "next" ? h("span", { class: "t-sr" }, " " + texts["phase_" + kind]) : null;
      return h("li", { class: `t-phase t-phase-${kind}`, "aria-current": kind === "now" ? "step" : null },
        sign ? icon(sign) : h("span", { class: kind === "now" ? "t-phase-dot" : "t-phase-ring" }),
        h("span", {}, texts["phase_" + name], later));
    }));
  };

  const early = () => (state.stopped.kind === "deadline" ? texts.stopped_deadline : texts.stopped_signal);
  const paint = () => {
    if (!run) return;
    const phase = where();
    const share = state.total ? Math.min(1, (state.step || 0) / state.total) : 0;
    const percent = Math.floor(share * 100);
    const words = [];
    const stage = phase === "stopped" ? early()
      : run.stage === "CANCELED" ? texts.canceled
      : phase === "failed" ? texts.failed
      : phase === "training" && state.total ? trl.fill(texts.training_at, { n: percent })
      : texts["says_" + phase] || texts["phase_" + phase];
    words.push(h("strong", { class: `t-run-stage t-run-${phase === "failed" && calm() ? "stopped" : phase}` }, stage));
    const eta = remaining();
    if (phase === "training" && eta !== null) {
      const time = trl.duration(60 * Math.ceil(eta / 60)).replace(" 00 s", "");
      words.push(eta < 60 ? texts.left_little : trl.fill(texts.left, { time }));
    }
    if (run.started) words.push(trl.duration(seconds()));
    const money = spent();
    if (money !== null && run.at_most !== null) {
      const amounts = { now: trl.money(money), most: trl.money(run.at_most) };
      words.push(trl.fill(run.ended ? texts.cost_was : texts.cost_now, amounts));
    }
    if (run.connected === false) words.push(texts.reconnecting);
    const dot = () => h("span", { class: "t-dot", "aria-hidden": "true" }, "·");
    status.replaceChildren(...words.flatMap((word, i) => (i ? [dot(), h("span", { class: "t-num" }, word)] : [word])));
    paintPhases(phase);
    bar.firstChild.style.width = (phase === "done" || phase === "saving" ? 100 : percent) + "%";
    bar.setAttribute("aria-valuenow", phase === "done" ? 100 : percent);
    bar.classList.toggle("t-progress-idle", !run.ended && !["training", "saving", "done"].includes(phase));
    bar.classList.toggle("t-progress-bad", phase === "failed" && !calm());
    if (run.ended && !points.length) chart.nothing(texts.no_points_ended);
    stop.hidden = run.ended;
    badge.hidden = !run.rehearsal;
    if (run.ended) sure.hidden = true;
    const loud = typeof stage === "string" && phase === "training" ? texts.phase_training : stage;
    if (loud !== said) { said = loud; aloud.textContent = loud; }
    document.title = `${phase === "training" ? percent + "% · " : ""}${run.title} · ${texts.name}`;
    paintFacts();
    paintNotes();
    samples.set(answers?.finished ? answers : null);
    paintOutcome(phase);
  };

  const small = (value) => (value === null ? null
    : value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : Number(value.toPrecision(4)));
  const paintFacts = () => {
    const rate = state.latest?.learning_rate;
    const used = state.rows ? Number(state.rows).toLocaleString("en") : null;
    const rows = [
      [texts.machine, run.machine],
      state.resumed ? [texts.resumed, trl.fill(texts.resumed_at, { i: state.resumed.step, repo: state.resumed.repo })] : null,
      [texts.rows_used, used && state.dropped ? trl.fill(texts.rows_dropped, { n: used, dropped: state.dropped }) : used],
      state.held_out ? [texts.held_out, state.held_out] : null,
      [texts.step, state.total ? `${state.step || 0} / ${state.total}` : null],
      ...charts.slice(0, 2).map((one) => [one.title, small(chart.last(one.id))]),
      [texts.epoch, Number.isFinite(state.epoch) ? Number(state.epoch.toFixed(2)) : null],
      state.speed ? [texts.speed, state.speed] : null,
      [texts.rate, Number.isFinite(rate) ? small(rate) : null],
      [texts.limit, run.timeout ? trl.duration(run.timeout).replace(" 00 min", "") : null],
      run.rehearsal ? [texts.rehearsal, texts.rehearsal_note] : [texts.target, run.target],
      [texts.payer, owner],
    ].filter(Boolean);
    const known = (value) => (value === null || value === undefined || value === "" ? "–" : value);
    facts.replaceChildren(...rows.flatMap(([word, value]) => [h("dt", {}, word), h("dd", { class: "t-num" }, known(value))]));
  };

  const paintNotes = () => {
    const all = state.notes || [];
    notes.hidden = !all.length;
    const why = trl.fill(state.found ? texts.notes_found : texts.notes, { found: state.found });
    notes.replaceChildren(h("h3", { class: "t-small" }, why), h("ul", {}, all.map((one) => h("li", {}, one))));
    const bad = where() === "failed" && !calm() ? [] : state.hints || [];
    hints.hidden = !bad.length;
    hints.replaceChildren(...bad.map((one) => h("li", { class: "t-run-hint" }, icon("warns"),
      h("div", {}, h("strong", {}, one.title), h("p", {}, one.reason)))));
  };

  const paintOutcome = (phase) => {
    outcome.hidden = !(run.ended && (["done", "failed", "stopped"].includes(phase) || result || run.stage === "COMPLETED"));
    if (outcome.hidden) return;
    const key = JSON.stringify([phase, result, state.diagnosis, state.stopped, state.continue, run.stage]);
    if (outcome.dataset.key === key) return;
    outcome.dataset.key = key;
    const change = run.rehearsal ? texts.again_rehearsal : texts.again;
    const again = run.recipe ? h("a", { class: "t-btn", id: "trl-again", href: trl.page(run.recipe) }, icon("again"), change) : null;
    const on = state.continue ? h("a", { class: "t-btn t-primary", id: "trl-continue", href: trl.page(state.continue) },
      icon("play"), texts.continue) : null;
    const tone = phase === "done" ? "good" : phase === "failed" && !calm() ? "bad" : "wait";
    outcome.className = `t-outcome t-outcome-${tone}`;
    const { line, reason } = state.diagnosis || {};
    // The words of the program itself, where they say more than ours.
    const quote = phase === "failed" && line && line !== reason ? h("p", { class: "t-mono t-outcome-line" }, line) : null;
    const say = (sign, heading, text, ...acts) => outcome.replaceChildren(
      icon(sign),
      h("div", { class: "t-outcome-text" }, h("h2", { class: "t-title" }, heading), text && h("p", {}, text), quote),
      h("div", { class: "t-outcome-acts" }, acts));
    const kept = on && state.saved ? " " + trl.fill(texts.kept, { i: state.saved }) : "";
    if (result?.rehearsed) {
      // What was measured is about the run itself, which the form offers now.
      const rows = result.rows.flatMap(([word, text]) => [h("dt", {}, word), h("dd", { class: "t-num" }, text)]);
      const warnings = result.warnings.map((text) => h("li", {}, icon("warns"), h("span", {}, text)));
      const real = run.recipe ? h("a", { class: "t-btn t-primary", id: "trl-real", href: trl.page(run.recipe) },
        texts.real, icon("right")) : null;
      say("ok", texts.rehearsed, rows.length ? texts.rehearsed_text : texts.rehearsed_unknown, real);
      outcome.querySelector(".t-outcome-text").append(h("dl", { class: "t-outlook" }, rows),
        warnings.length ? h("ul", { class: "t-outlook-warn" }, warnings) : "");
      return;
    }
    if (phase === "done") {
      const card = h("a", { class: "t-btn t-primary", id: "trl-card-link", href: trl.safeUrl(result.url), target: "_blank",
        rel: "noopener" }, texts.open_card, icon("out"));
      return say("ok", texts.done, trl.fill(texts.done_text, { repo: result.repo }), card, again);
    }
    if (phase === "stopped") {
      const at = { i: state.stopped.step ?? state.step, n: state.total ?? "?" };
      return say(state.stopped.kind === "deadline" ? "clock" : "stop", early(), trl.fill(texts.stopped_text, at), on, again);
    }
    if (run.stage === "CANCELED") return say("stop", texts.canceled, texts.canceled_text + kept, on, again);
    if (phase === "failed") {
      const why = reason || run.message || texts.failed_text;
      return say("blocks", state.diagnosis?.title || texts.failed, why + kept, on, again);
    }
    if (result?.problem) return say("warns", run.rehearsal ? texts.unrehearsed : texts.unverified, result.problem, again);
    say("unknown", texts.checking, run.rehearsal ? "" : texts.checking_text);
  };

  const take = (message) => {
    if (message.now) skew = message.now - Date.now() / 1000;
    if (message.run) run = { ...run, ...message.run };
    if (message.connected !== undefined && run) run.connected = message.connected;
    if (message.state) {
      if (Number.isFinite(message.state.eta)) left = { seconds: message.state.eta, at: now() };
      else if (message.state.eta === null) left = null;
      state = { ...state, ...message.state };
    }
    if (message.charts) charts = message.charts;
    if (message.points) points = points.slice(0, message.points_from).concat(message.points);
    if (message.points || message.charts) chart.set(points, state.total, charts);
    if (message.samples !== undefined) answers = message.samples;
    if (message.result) result = message.result;
    if (message.lines?.length) log.add(message.first, message.lines);
    paint();
  };

  async function begin() {
    let answer, reply;
    try {
      reply = await fetch(trl.route(address));
      answer = await reply.json();
    } catch {
      return problem(texts.lost, "other");
    }
    if (answer.problem) return problem(answer.problem, answer.kind);
    title.textContent = answer.run.title;
    under.textContent = answer.run.subtitle;
    take(answer);
    listen();
    setInterval(() => { if (!run.ended && !document.hidden) paint(); }, 1000);
  }

  function listen() {
    source = new EventSource(trl.route(`${address}/events`, { start: log.next }));
    source.addEventListener("update", (event) => take(JSON.parse(event.data)));
    source.addEventListener("end", (event) => { take(JSON.parse(event.data)); ended = true; source.close(); });
    source.addEventListener("problem", (event) => {
      const told = JSON.parse(event.data);
      source.close();
      ended = true;
      problem(told.problem, told.kind);
    });
    source.onerror = () => {
      if (ended || source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => { if (!ended) listen(); }, 3000);
    };
  }
  begin();
};
