// The end of a run: what came of it, in one sentence with one button; what it took; how to use the model; how to share it.
// paint({run, state, phase, calm, result, receipt, early, tail, beside}); `receipt` and its snippet come from
// `ui/receipt.py`, `beside` is what stands beside the receipt when there is no place for it elsewhere.
trl.run_end = (texts) => {
  const { h, icon } = trl;
  const outcome = h("div", { class: "t-outcome", id: "trl-run-outcome", hidden: true });
  const more = h("div", { class: "t-run-grid t-run-end", hidden: true });
  let drawn = "", added = "";

  // A button that copies, and says so for a moment.
  const copying = (id, text, what) => {
    const word = h("span", {}, text);
    return h("button", { type: "button", class: "t-btn t-quiet", id, onclick: async () => {
      await trl.copy(what());
      word.textContent = texts.copied;
      setTimeout(() => { word.textContent = text; }, 2000);
    } }, icon("copy"), word);
  };
  const way = (id, sign, text, query, kind) => h("a", { class: `t-btn ${kind || ""}`, id, href: trl.page(query),
    onclick: () => { if (id === "trl-continue" || /^again=/.test(query)) trl.address.own(query); } }, icon(sign), text);

  // The one button of a run that did not end well: what helps, by what is known of it (`run_news.way_on`).
  const wayOn = (run, state) => {
    const { kind, label, query, url } = state.way || {};
    if (url) return h("a", { class: "t-btn t-primary", id: `trl-${kind}`, href: trl.safeUrl(url), target: "_blank", rel: "noopener" }, label, icon("out"));
    if (query) return way(`trl-${kind}`, kind === "continue" ? "play" : "again", label, query, "t-primary");
    return null;
  };
  const change = (run, kind) => run.recipe
    ? way("trl-again", "again", run.rehearsal ? texts.again_rehearsal : texts.again, run.again, kind) : null;

  const sharing = (run) => h("button", { type: "button", class: "t-btn", id: "trl-share", "aria-haspopup": "dialog",
    onclick: () => trl.show_share({ query: run.recipe, run: new URLSearchParams(location.search).get("run") }) }, icon("share"), texts.share);

  const paintOutcome = ({ run, state, phase, calm, result, receipt, early, tail }) => {
    outcome.hidden = !(run.ended && (["done", "failed", "stopped", "ended"].includes(phase) || result || run.stage === "COMPLETED"));
    if (outcome.hidden) return;
    const key = JSON.stringify([phase, result, state.diagnosis, state.stopped, state.way, run.stage, receipt?.again, tail]);
    if (drawn === key) return;
    drawn = key;
    const tone = phase === "done" || (phase === "ended" && run.script) ? "good" : phase === "failed" && !calm ? "bad" : "wait";
    outcome.className = `t-outcome t-outcome-${tone}`;
    const { line, reason } = state.diagnosis || {};
    // What is said, what can be done, and below both what belongs to it: returned, to be filled.
    const say = (sign, heading, text, ...acts) => {
      const words = h("div", { class: "t-outcome-text" }, h("h2", { class: "t-title" }, heading), text && h("p", {}, text));
      const below = h("div", { class: "t-outcome-below" });
      outcome.replaceChildren(icon(sign), words, h("div", { class: "t-outcome-acts" }, acts), below);
      return below;
    };
    const sentences = (...all) => all.filter(Boolean).map((text) => (/[.!?…]$/.test(text) ? text : text + ".")).join(" ");
    const kept = state.saved ? trl.fill(texts.kept, { i: state.saved }) : state.total ? texts.kept_nothing : "";
    const on = wayOn(run, state);
    const helps = () => [on || change(run, "t-primary"), on && state.way.kind !== "again" ? change(run, "t-quiet") : null];
    if (result?.rehearsed) {
      // What was measured is about the run itself, which the form offers now.
      const rows = result.rows.flatMap(([word, text]) => [h("dt", {}, word), h("dd", { class: "t-num" }, text)]);
      const warnings = result.warnings.map((text) => h("li", {}, icon("warns"), h("span", {}, text)));
      const real = run.recipe ? h("a", { class: "t-btn t-primary", id: "trl-real", href: trl.page(run.recipe) },
        texts.real, icon("right")) : null;
      say("ok", texts.rehearsed, rows.length ? texts.rehearsed_text : texts.rehearsed_unknown, real)
        .append(...(rows.length ? [h("dl", { class: "t-outlook" }, rows)] : []),
          ...(warnings.length ? [h("ul", { class: "t-outlook-warn" }, warnings)] : []));
    } else if (phase === "done") {
      const card = h("a", { class: "t-btn t-primary", id: "trl-card-link", href: trl.safeUrl(result.url), target: "_blank",
        rel: "noopener" }, texts.open_card, icon("out"));
      const share = run.share ? sharing(run) : null;
      const same = receipt?.again ? way("trl-same", "play", texts.same, receipt.again) : null;
      say("ok", texts.done, trl.fill(texts.done_text, { repo: result.repo }), card, same, change(run), share);
    } else if (phase === "ended" && run.script) {
      const page = result.page && trl.safeUrl(result.page);
      const there = page ? h("a", { class: "t-btn t-primary", id: "trl-card-link", href: page, target: "_blank", rel: "noopener" }, texts.open_page, icon("out")) : null;
      say("ok", texts.ended_script, page ? trl.fill(texts.ended_script_repo, { repo: result.repo }) : texts.ended_script_text,
        there, way("trl-same", "play", texts.run_again, run.again, page ? "" : "t-primary"), run.share ? sharing(run) : null);
    } else if (phase === "ended") {
      say("unknown", texts.ended, texts.ended_text);
    } else if (phase === "stopped") {
      const at = { i: state.stopped.step ?? state.step, n: state.total ?? "?" };
      say(state.stopped.kind === "deadline" ? "clock" : "stop", early, trl.fill(texts.stopped_text, at), ...helps());
    } else if (run.stage === "CANCELED") {
      say("stop", texts.canceled, sentences(texts.canceled_text, kept), ...helps());
    } else if (phase === "failed") {
      const below = say("blocks", state.diagnosis?.title || texts.failed, sentences(reason || run.message || texts.failed_text, kept), ...helps());
      // How the log ended, and in it, or before it, the line that says why; but not once more what the sentence says.
      const fresh = (text) => !reason || !text.includes(reason);
      const last = tail.filter(fresh);
      const told = line && fresh(line) && !last.some((text) => text.includes(line)) ? [line, ...(last.length ? ["…"] : []), ...last] : last;
      if (told.length) below.append(h("pre", { class: "t-mono t-outcome-line", id: "trl-run-tail", tabindex: "0", role: "region", "aria-label": texts.log_tail },
        told.map((text) => h(line && text.includes(line) ? "strong" : "span", {}, text + "\n"))));
    } else if (result?.problem) {
      say("warns", run.rehearsal ? texts.unrehearsed : texts.unverified, result.problem, change(run));
    } else {
      say("unknown", texts.checking, run.rehearsal ? "" : texts.checking_text);
    }
  };

  const paintMore = ({ run, phase, receipt, beside }) => {
    more.hidden = !(run.ended && receipt);
    const key = JSON.stringify([phase, receipt, Boolean(beside)]);
    if (more.hidden || added === key) return;
    added = key;
    const plain = () => [run.title, ...receipt.rows.map((row) => row.join(": "))].join("\n") + "\n";
    const rows = receipt.rows.flatMap(([word, text]) => [h("dt", {}, word), h("dd", { class: "t-num" }, text)]);
    const paper = h("section", { class: "t-card", id: "trl-receipt" },
      h("div", { class: "t-end-head" }, h("h2", { class: "t-title" }, texts.receipt), copying("trl-receipt-copy", texts.copy_text, plain)),
      h("dl", { class: "t-receipt-facts" }, rows));
    const snippet = phase === "done" ? receipt.snippet : "";
    const use = snippet ? h("section", { class: "t-card", id: "trl-snippet" },
      h("div", { class: "t-end-head" }, h("h2", { class: "t-title" }, texts.use_it), copying("trl-snippet-copy", texts.copy_text, () => snippet)),
      h("p", { class: "t-small t-chart-note" }, receipt.snippet_note),
      h("pre", { class: "t-mono t-snippet", tabindex: "0", role: "region", "aria-label": texts.use_it }, snippet)) : null;
    more.classList.toggle("t-run-end-one", !use && !beside);
    more.classList.toggle("t-run-end-beside", Boolean(beside));
    more.replaceChildren(...[use, paper, beside].filter(Boolean));
  };

  return {
    outcome, more,
    paint(facts) {
      paintOutcome(facts);
      paintMore(facts);
    },
  };
};
