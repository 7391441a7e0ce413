// The visitor's runs, as the Hub lists them.
trl.parts.runs = ({ element, server, texts }) => {
  const { h, icon } = trl;
  if (trl.view !== "runs") return;
  const body = h("div", { class: "t-runs", id: "trl-runs" });
  const again = h("button", { type: "button", class: "t-btn", onclick: () => load() }, icon("again"), texts.refresh);
  const top = h("div", { class: "t-runs-top" }, h("h1", { class: "t-title" }, texts.title), again);
  element.append(h("div", { class: "t-card" }, top, body));
  const SIGNS = { SCHEDULING: "unknown", RUNNING: "play", COMPLETED: "ok", CANCELED: "stop", ERROR: "blocks", DELETED: "close" };
  const row = (run) => h("a", { class: "t-runrow", href: trl.page("run=" + run.id), "data-run": run.id, "data-stage": run.stage },
    h("span", { class: `t-runrow-stage t-stage-${run.stage}` }, icon(SIGNS[run.stage] || "unknown"), texts["stage_" + run.stage] || run.stage),
    h("span", { class: "t-runrow-name" }, h("span", { class: "t-runrow-title" }, run.title, " ",
      run.rehearsal ? h("span", { class: "t-badge t-mark" }, texts.rehearsal) : null), h("span", { class: "t-small" }, run.subtitle)),
    h("span", { class: "t-runrow-meta t-small t-num" }, run.machine, h("br", {}), run.when), icon("right"));
  const empty = (sentence, ...acts) => h("div", { class: "t-empty" }, icon("rows"), h("p", {}, sentence), h("div", { class: "t-empty-acts" }, acts));
  async function load() {
    body.setAttribute("aria-busy", "true");
    const bones = () => h("div", { class: "t-runrow" }, trl.bone("96px", "18px"),
      h("span", { class: "t-runrow-name" }, trl.bone("60%", "16px"), trl.bone("40%", "13px")));
    if (!body.childElementCount) body.replaceChildren(...[1, 2, 3].map(bones));
    let answer;
    try { answer = await server.list({}); } catch { answer = { problem: texts.lost }; }
    body.removeAttribute("aria-busy");
    const sign = () => h("button", { type: "button", class: "t-btn t-primary", onclick: trl.signIn }, texts.signin);
    if (answer.problem) return body.replaceChildren(empty(answer.problem, answer.signin ? sign() : null));
    const notes = (answer.notes || []).map((note) => h("p", { class: "t-small t-runs-note" }, note));
    if (!answer.runs.length) return body.replaceChildren(empty(texts.none, h("a", { class: "t-btn t-primary", href: trl.page("") }, texts.first)), ...notes);
    body.replaceChildren(...answer.runs.map(row), ...notes);
  }
  load();
};
