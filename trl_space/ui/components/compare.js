// Two runs beside each other; which ones the address says: ?view=runs&compare=owner/job,owner/job. What the call gives is
// in `ui/comparing.py`.
trl.parts.compare = ({ element, server, texts }) => {
  const { h, icon } = trl;
  const asked = new URLSearchParams(location.search).get("compare");
  if (trl.view !== "runs" || asked === null) return;
  const back = h("a", { class: "t-btn", href: trl.page("view=runs") }, icon("left"), texts.back);
  const body = h("div", { class: "t-compare-body", "aria-busy": "true" }, trl.bone("60%", "24px"), trl.bone("100%", "300px"));
  const wait = h("p", { class: "t-small", role: "status" });
  setTimeout(() => { if (body.getAttribute("aria-busy") === "true") wait.textContent = texts.waiting; }, 1000);
  element.append(h("div", { class: "t-compare", id: "trl-compare" },
    h("div", { class: "t-card" }, h("div", { class: "t-runs-top" }, h("h1", { class: "t-title" }, texts.title), back), wait, body)));

  const table = (id, head, names, rows) => h("div", { class: "t-compare-scroll", tabindex: "0", role: "region", "aria-label": head },
    h("table", { class: "t-compare-table", id },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, head), names.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, rows.map(([what, ...both]) => h("tr", {}, h("th", { scope: "row" }, what), both.map((one) => h("td", { class: "t-num" }, one)))))));
  const section = (title, ...parts) => h("section", { class: "t-compare-part" }, h("h2", { class: "t-title" }, title), parts);
  const problem = (answer) => body.replaceChildren(h("div", { class: "t-empty", role: "alert" }, icon("blocks"), h("p", {}, answer.problem),
    answer.signin ? h("button", { type: "button", class: "t-btn t-primary", onclick: trl.signIn }, texts.signin) : null));

  async function begin() {
    let answer;
    try { answer = await server.compare({ runs: asked.split(",") }); } catch { answer = { problem: texts.lost }; }
    body.setAttribute("aria-busy", "false");
    wait.remove();
    if (answer.problem) return problem(answer);
    const { runs, names } = answer;
    const heads = runs.map((run, i) => h("div", { class: `t-compare-run t-compare-run-${i}` },
      h("span", { class: "t-key" + (i ? " t-key-held" : "") }, names[i]),
      h("a", { class: "t-runs-title", href: trl.page("run=" + run.id) }, run.title),
      h("span", { class: "t-small" }, [run.subtitle, run.when].filter(Boolean).join(" · "))));
    const chart = trl.chart({ ...answer.words, on_training: names[0], on_held_out: names[1] });
    const dash = (value, say) => (value === null ? "–" : say(value));
    const came = [
      [texts.state, ...runs.map((run) => run.word)],
      [texts.time, ...runs.map((run) => dash(run.seconds, trl.duration))],
      [texts.cost, ...runs.map((run) => dash(run.usd, trl.money))],
      ...answer.came];
    const known = runs.every((run) => run.comparable);
    const same = answer.same ? h("p", { class: "t-small" }, trl.fill(texts.differs_same, { n: answer.same })) : null;
    const none = h("p", {}, known ? texts.differs_none : texts.differs_unknown);
    body.replaceChildren(
      h("div", { class: "t-compare-heads" }, heads),
      ...answer.notes.map((note) => h("p", { class: "t-small" }, note)),
      h("div", { class: "t-compare-chart" }, chart.element),
      section(texts.differs, answer.differs.length ? table("trl-differs", texts.setting, names, answer.differs) : none, same),
      section(texts.came, table("trl-came", texts.figure, names, came)));
    chart.set(answer.points, answer.total, answer.charts);
  }
  begin();
};
