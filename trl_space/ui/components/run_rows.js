// The lines of a list of runs, as a table that becomes cards on a phone. A run is what `ui/run_rows.py` makes:
// {id, state, word, ended, why, rehearsal, title, subtitle, by, machine, seconds, usd, created, when, target, comparable}.
// set(runs) shows these and touches only what changed, so that a reader's place and the focus stay where they are.
// `chosen(ids)` is called with the runs that are marked for comparing, `tell(text)` with what an action came to.
trl.run_rows = ({ server, texts, chosen, tell }) => {
  const { h, icon } = trl;
  const SIGNS = { waiting: "unknown", running: "play", done: "ok", failed: "blocks", timeout: "clock", stopped: "stop", deleted: "close" };
  const CELLS = ["state", "run", "machine", "time", "cost", "result", "acts"];
  const lines = new Map(), places = new Map(), marked = new Set(), sought = new Set();
  let asking = false;

  // Said again for each element: what is drawn as cards is still read as a table.
  const heads = CELLS.map((name) => h("th", { role: "columnheader", scope: "col", class: `t-runs-${name}` },
    name === "acts" ? h("span", { class: "t-sr" }, texts.head_acts) : texts["head_" + name]));
  const body = h("tbody", { role: "rowgroup" });
  const table = h("table", { class: "t-runs-table", role: "table", "aria-label": texts.title },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads)), body);

  const dash = () => h("span", {}, h("span", { "aria-hidden": "true" }, "–"), h("span", { class: "t-sr" }, texts.unknown));
  const going = (run) => (run.state === "running" ? h("span", { class: "t-small t-runs-sofar" }, " " + texts.so_far) : null);
  const says = {
    state: (run) => [run.state, run.word],
    run: (run) => [run.title, run.rehearsal, run.subtitle, run.by, run.when, run.why],
    machine: (run) => [run.machine],
    time: (run) => [run.seconds === null ? null : trl.duration(run.seconds), run.state === "running"],
    cost: (run) => [run.usd === null ? null : trl.money(run.usd), run.state === "running"],
    result: (run) => [run.target, places.get(run.target)],
    acts: (run) => [run.ended, run.comparable],
  };
  const draws = {
    state: (run) => h("span", { class: `t-runs-word t-is-${run.state}` }, icon(SIGNS[run.state] || "unknown"), run.word),
    run: (run) => [
      h("a", { class: "t-runs-title", href: trl.page("run=" + run.id) }, run.title), " ",
      run.rehearsal ? h("span", { class: "t-badge t-mark" }, texts.rehearsal) : null,
      h("span", { class: "t-small t-runs-under" }, [run.subtitle, run.by && trl.fill(texts.by, { name: run.by }), run.when].filter(Boolean).join(" · ")),
      run.why ? h("span", { class: "t-small t-runs-under" }, run.why) : null],
    machine: (run) => run.machine || dash(),
    time: (run) => (run.seconds === null ? dash() : [trl.duration(run.seconds), going(run)]),
    cost: (run) => (run.usd === null ? dash() : [trl.money(run.usd), going(run)]),
    result: (run) => {
      const place = places.get(run.target);
      if (!run.target || place === null) return dash();
      if (place === undefined) return trl.bone("64px", "15px");
      if (!place || !trl.safeUrl(place)) return h("span", { class: "t-small" }, texts.no_model);
      return h("a", { href: trl.safeUrl(place), target: "_blank", rel: "noopener", class: "t-runs-model",
        "aria-label": trl.fill(texts.model_of, { title: run.title }) }, texts.model, " ", icon("out"));
    },
    acts: (run, line) => [
      run.comparable ? h("label", { class: "t-runs-mark" }, line.mark, h("span", { "aria-hidden": "true" }, texts.compare)) : null,
      run.ended ? null : h("button", { type: "button", class: "t-btn t-danger t-runs-stop",
        "aria-label": trl.fill(texts.stop_of, { title: run.title }), onclick: () => confirm(line) }, icon("stop"), texts.stop)],
  };

  const made = (run) => {
    const cells = CELLS.map((name) => h("td", { role: "cell", class: `t-runs-${name}`,
      "data-head": ["machine", "time", "cost", "result"].includes(name) ? texts["head_" + name] : null }));
    const mark = h("input", { type: "checkbox", "aria-label": trl.fill(texts.compare_of, { title: run.title }),
      onchange: () => choose(run.id, mark.checked) });
    return { run, cells, mark, said: [], sure: null, row: h("tr", { role: "row", class: "t-runrow", "data-run": run.id }, cells) };
  };
  const paint = (line) => {
    line.row.dataset.stage = line.run.stage;
    CELLS.forEach((name, i) => {
      const said = JSON.stringify(says[name](line.run).map((one) => (one === undefined ? "?" : one)));
      if (line.said[i] === said) return;
      line.said[i] = said;
      const held = line.cells[i].contains(document.activeElement);
      line.cells[i].replaceChildren(...[draws[name](line.run, line)].flat().filter(Boolean));
      // What had the focus may be gone, such as the button that stops: the run itself is next to it.
      if (held) (line.cells[i].querySelector("a, button, input") || line.row.querySelector("a"))?.focus({ preventScroll: true });
    });
    if (line.run.ended) unsure(line);
  };

  // --- stopping ---
  const unsure = (line) => { line.sure?.remove(); line.sure = null; };
  function confirm(line) {
    if (line.sure) return line.sure.querySelector("button").focus();
    const words = h("span", {}, texts.stop_sure);
    const yes = h("button", { type: "button", class: "t-btn t-danger t-runs-yes", onclick: async () => {
      yes.disabled = true;
      yes.textContent = texts.stopping;
      let answer;
      try { answer = await server.cancel({ run: line.run.id }); } catch { answer = { problem: texts.lost }; }
      if (!answer.problem) {
        line.row.querySelector("a").focus({ preventScroll: true });
        unsure(line);
        tell(trl.fill(texts.stopped_it, { title: line.run.title }));
        return look([line.run.id]);
      }
      yes.disabled = false;
      yes.textContent = texts.stop_yes;
      words.textContent = answer.problem;
      tell(answer.problem);
    } }, texts.stop_yes);
    const keep = () => { unsure(line); line.row.querySelector(".t-runs-stop")?.focus(); };
    const no = h("button", { type: "button", class: "t-btn", onclick: keep }, texts.stop_no);
    const box = h("div", { class: "t-sure", role: "group", "aria-label": trl.fill(texts.stop_of, { title: line.run.title }) }, words, yes, no);
    box.addEventListener("keydown", (event) => { if (event.key === "Escape") keep(); });
    line.sure = h("tr", { role: "row", class: "t-runs-sure" }, h("td", { role: "cell", colspan: CELLS.length }, box));
    line.row.after(line.sure);
    yes.focus();
  }

  // --- comparing ---
  const choose = (id, on) => {
    if (on) marked.add(id); else marked.delete(id);
    for (const [other, line] of lines) {
      line.mark.checked = marked.has(other);
      line.mark.disabled = marked.size > 1 && !marked.has(other);
    }
    chosen([...marked]);
  };

  // --- what is looked at later ---
  // Whether a model is there is asked for the lines that are seen, a few at a time.
  const seen = new IntersectionObserver((entries) => {
    for (const one of entries) {
      const run = one.isIntersecting && lines.get(one.target.dataset.run)?.run;
      if (run && run.target && !places.has(run.target)) sought.add(run.id);
    }
    if (sought.size) seek();
  }, { rootMargin: "200px" });
  async function seek() {
    if (asking) return;
    asking = true;
    while (sought.size) {
      const runs = [...sought].slice(0, 8).map((id) => lines.get(id).run);
      runs.forEach((run) => sought.delete(run.id));
      let answer;
      try { answer = await server.models({ models: runs.map((run) => [run.target, run.created]) }); } catch { answer = {}; }
      for (const run of runs) places.set(run.target, answer.models?.[run.target] ?? null);
      for (const line of lines.values()) if (runs.some((run) => run.target === line.run.target)) paint(line);
    }
    asking = false;
  }
  // Runs as they are now; says whether the Hub told.
  async function look(ids) {
    let answer;
    try { answer = await server.look({ runs: ids }); } catch { return false; }
    for (const fresh of answer.runs || []) {
      const line = lines.get(fresh.id);
      if (!line) continue;
      const { title, subtitle } = line.run;
      Object.assign(line.run, fresh, { title, subtitle });
      paint(line);
      if (line.run.target) { seen.unobserve(line.row); seen.observe(line.row); }
    }
    return Boolean(answer.runs?.length);
  }

  return {
    element: table,
    look,
    going: () => [...lines.values()].filter((line) => line.row.isConnected && !line.run.ended).map((line) => line.run.id),
    clear: () => { marked.clear(); choose("", false); },
    set(runs) {
      let at = body.firstChild;
      const put = (node) => {
        if (node === at) at = at.nextSibling; else body.insertBefore(node, at);
      };
      for (const run of runs) {
        const line = lines.get(run.id) || made(run);
        if (!lines.has(run.id)) { lines.set(run.id, line); seen.observe(line.row); }
        line.run = run;
        line.mark.disabled = marked.size > 1 && !marked.has(run.id);
        paint(line);
        put(line.row);
        if (line.sure) put(line.sure);
      }
      while (at) { const next = at.nextSibling; at.remove(); at = next; }
    },
  };
};
