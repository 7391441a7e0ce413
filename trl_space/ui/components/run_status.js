// Where a run stands, in words: the line with time and money, the bar, the phases, the browser's title, and a word at the
// end for whoever asked for it.
// take(state, now): what a message said of it; paint({run, state, phase, calm, now, idle, trouble}): draws it, and once a second
// again; `trouble` says why nothing new comes at the moment.
trl.run_status = (texts, id) => {
  const { h, icon } = trl;
  const PHASES = ["waiting", "starting", "installing", "downloading", "training", "saving", "done"];
  // A rehearsal saves nothing.
  const phasesOf = (run) => PHASES.filter((name) => !run?.rehearsal || name !== "saving");
  const line = h("div", { class: "t-run-status", id: "trl-run-status" }, trl.bone("240px", "18px"));
  const phases = h("ol", { class: "t-phases", "aria-label": texts.phases });
  const bar = h("div", { class: "t-progress", role: "progressbar", "aria-label": texts.progress, "aria-valuemin": 0,
    "aria-valuemax": 100 }, h("span", {}));
  const aloud = h("span", { class: "t-sr", role: "status", "aria-live": "polite", id: "trl-run-aloud" });
  let left = null, said = "", ended = null;
  const seen = [];

  // Time left: what the worker said last, less what went by since; else from the speed as this page saw it.
  const remaining = (state, now) => {
    if (left) return Math.max(0, left.seconds - (now - left.at));
    if (!state.total || !state.step) return null;
    if (!seen.length || seen[seen.length - 1][1] !== state.step) seen.push([now, state.step]);
    while (seen.length > 2 && now - seen[0][0] > 180) seen.shift();
    const [since, from] = seen[0];
    const [until, to] = seen[seen.length - 1];
    return to > from && now - since > 4 ? ((state.total - to) * (until - since)) / (to - from) : null;
  };
  const seconds = (run, now) => (run.started ? (run.finished || now) - run.started : 0);
  const price = (run, time) => (run.usd_per_minute ? (Math.min(time, run.timeout || Infinity) / 60) * run.usd_per_minute : null);
  const minutes = (time) => trl.duration(60 * Math.ceil(time / 60)).replace(" 00 s", "");

  // --- a word at the end, only for whoever asked for it with this button ---
  const key = "trl-space:tell:" + id;
  const stored = (value) => {
    try {
      if (value !== undefined) sessionStorage.setItem(key, value);
      return sessionStorage.getItem(key) === "1";
    } catch {
      return value === "1";
    }
  };
  const can = () => "Notification" in window && Notification.permission !== "denied";
  let asked = can() && Notification.permission === "granted" && stored();
  const tell = h("button", { type: "button", class: "t-btn t-quiet t-tell", id: "trl-tell", hidden: true, "aria-pressed": String(asked),
    onclick: async () => {
      asked = !asked && (await Notification.requestPermission()) === "granted";
      stored(asked ? "1" : "0");
      paintTell(false);
    } });
  const paintTell = (over) => {
    tell.hidden = over || !can();
    tell.setAttribute("aria-pressed", String(asked));
    tell.replaceChildren(icon(asked ? "ok" : "bell"), asked ? texts.tell_on : texts.tell);
  };
  const announce = (run, word) => {
    if (!asked) return;
    stored("0");
    asked = false;
    try { new Notification(`${word} · ${run.title}`, { body: line.textContent, tag: key }); } catch { /* phones want a service worker */ }
  };

  const paintPhases = (run, state, phase, calm) => {
    const over = phase === "failed" || phase === "stopped" || phase === "ended";
    const all = phasesOf(run);
    const reached = over ? state.reached || "starting" : phase;
    const at = all.indexOf(all.includes(reached) ? reached : "training");
    const key = [all, at, phase, calm].join();
    if (phases.dataset.key === key) return;
    phases.dataset.key = key;
    phases.style.setProperty("--phases", all.length);
    phases.replaceChildren(...all.map((name, i) => {
      const stays = over && i === at ? (phase === "ended" ? "past" : calm ? "stopped" : "bad") : null;
      const kind = stays || (i < at || phase === "done" ? "past" : i === at ? "now" : "next");
      const sign = { past: "ok", bad: "blocks", stopped: "stop" }[kind];
      const later = kind === "past" || kind === "next" ? h("span", { class: "t-sr" }, " " + texts["phase_" + kind]) : null;
      return h("li", { class: `t-phase t-phase-${kind}`, "aria-current": kind === "now" ? "step" : null },
        sign ? icon(sign) : h("span", { class: kind === "now" ? "t-phase-dot" : "t-phase-ring" }),
        h("span", {}, texts["phase_" + name], later));
    }));
  };

  // What the browser's tab says.
  const TITLES = { done: "title_done", failed: "title_failed", stopped: "title_stopped", ended: "title_ended" };
  const paintTitle = (run, state, phase, calm, percent) => {
    const end = phase === "failed" && calm ? "stopped" : phase;
    const word = TITLES[end] ? texts[TITLES[end]] : phase === "training" && state.total ? trl.number(percent / 100, { style: "percent" }) : "";
    document.title = [word, run.title].filter(Boolean).join(" · ");
    const over = run.ended && Boolean(TITLES[end]);
    if (over && ended === false) announce(run, word);
    if (over || !run.ended) ended = over;
    paintTell(over);
  };

  return {
    head: [line, bar, phases, aloud],
    tell,
    early: (state) => (state.stopped?.kind === "deadline" ? texts.stopped_deadline : texts.stopped_signal),
    seconds, price,
    take(state, now) {
      if (Number.isFinite(state.eta)) left = { seconds: state.eta, at: now };
      else if (state.eta === null) left = null;
    },
    paint({ run, state, phase, calm, now, idle, trouble }) {
      const percent = Math.floor((state.total ? Math.min(1, (state.step || 0) / state.total) : 0) * 100);
      const stage = phase === "stopped" ? this.early(state)
        : run.stage === "CANCELED" ? texts.canceled
        : phase === "failed" ? texts.failed
        : phase === "training" && state.total ? trl.fill(texts.training_at, { n: percent })
        : texts["says_" + phase] || texts["phase_" + phase];
      const words = [h("strong", { class: `t-run-stage t-run-${phase === "failed" && calm ? "stopped" : phase}` }, stage)];
      const eta = phase === "training" && !run.ended ? remaining(state, now) : null;
      if (eta !== null) words.push(eta < 60 ? texts.left_little : trl.fill(texts.left, { time: minutes(eta) }));
      const spent = seconds(run, now);
      const told = run.expected || {};  // before it was launched
      const time = run.ended ? texts.time_was : told.time ? texts.time_of : texts.time_now;
      if (run.started) words.push(trl.fill(time, { time: trl.duration(spent), expected: told.time }));
      const money = price(run, spent);
      if (money !== null && run.started && run.at_most !== null) {
        // What was said before the launch counts until the run has a speed of its own.
        const likely = eta !== null ? trl.money(price(run, spent + eta)) : told.price;
        const amounts = { now: trl.money(money), most: trl.money(run.at_most), likely };
        const text = run.ended ? texts.cost_was : !likely || likely === amounts.now ? texts.cost_now
          : eta !== null ? texts.cost_likely : texts.cost_expected;
        words.push(run.at_most < 0.01 ? amounts.now : trl.fill(text, amounts));
      }
      if (trouble || run.connected === false) words.push(trouble || texts.reconnecting);
      const dot = () => h("span", { class: "t-dot", "aria-hidden": "true" }, " · ");
      line.replaceChildren(...words.flatMap((word, i) => (i ? [dot(), h("span", { class: "t-num" }, word)] : [word])));
      paintPhases(run, state, phase, calm);
      const full = ["done", "saving", "ended"].includes(phase);
      bar.firstChild.style.width = (full ? 100 : percent) + "%";
      bar.setAttribute("aria-valuenow", full && phase !== "saving" ? 100 : percent);
      bar.setAttribute("aria-valuetext", typeof stage === "string" ? stage : "");
      bar.classList.toggle("t-progress-idle", idle);
      bar.classList.toggle("t-progress-bad", phase === "failed" && !calm);
      const loud = phase === "training" ? texts.phase_training : stage;
      if (loud !== said) { said = loud; aloud.textContent = loud; }
      paintTitle(run, state, phase, calm, percent);
    },
  };
};
