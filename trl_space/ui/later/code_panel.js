// "Show the code": the same run as a file, a command, Python, a recipe, TRL's own file and a link, and the files that the
// program inside is made of. What the server answers is at the top of `ui/exporting.py`.
trl.code_panel = async (asked, { server, texts, opener }) => {
  const { h } = trl;
  const panel = trl.panel({ id: "trl-code-panel", title: texts.code, opener, texts });
  const { body, say } = panel;
  const shared = { texts, say };
  body.append(h("div", { class: "t-panel-wait", "aria-label": texts.reading }, trl.bone("100%", "40px"), trl.bone("60%", "16px"), trl.bone("100%", "280px")));
  let answer;
  try {
    answer = await server.code({ ...asked, at: trl.here() });
  } catch {
    answer = { problem: texts.lost };
  }
  if (!panel.element.open) return;
  if (answer.problem) return body.replaceChildren(h("p", { class: "t-panel-problem", role: "alert" }, trl.icon("warns"), h("span", {}, answer.problem)));

  const filled = (one) => (place) => {
    place.append(...[trl.notes(one.notes),
      ...one.commands.map((text) => trl.one_line({ text, ...shared })),
      ...(one.text ? trl.listing({ text: one.text, file: one.file, label: texts["tab_" + one.id], ...shared }) : [])].filter(Boolean));
    // The script of a training may be changed by hand: on the Scripts page.
    if (one.id === "script" && answer.worker && !asked.run) place.querySelector(".t-listing-acts").append(edit());
  };
  const edit = () => h("button", { type: "button", class: "t-btn", id: "trl-edit", onclick: async () => {
    const found = await server.edit({ query: asked.query }).catch(() => ({ problem: texts.lost }));
    if (!found.problem) return trl.scripts.open(found);
    say(found.problem);
    document.getElementById("trl-edit")?.parentElement.append(h("p", { class: "t-small", role: "alert" }, found.problem));
  } }, trl.icon("file"), h("span", {}, texts.edit));

  // The files of the worker, one at a time.
  const source = async (place) => {
    place.append(trl.bone("100%", "280px"));
    let found;
    try {
      found = await server.source(asked.run ? { run: asked.run } : {});
    } catch {
      found = { problem: texts.lost };
    }
    if (found.problem) return place.replaceChildren(h("p", { class: "t-panel-problem", role: "alert" }, trl.icon("warns"), h("span", {}, found.problem)));
    const shown = h("div", { class: "t-panel-place-in" });
    const show = () => {
      const [name, text] = found.files[Number(chosen.value)];
      shown.replaceChildren(...trl.listing({ text, file: name.split("/").pop(), label: name, ...shared }));
    };
    const chosen = h("select", { class: "t-select", id: "trl-source-file", onchange: show },
      found.files.map(([name], i) => h("option", { value: i }, name)));
    place.replaceChildren(trl.notes([texts.note_source]),
      h("label", { class: "t-source-choice" }, h("span", {}, texts.file), h("span", { class: "t-select-box" }, chosen, trl.icon("down"))), shown);
    show();
  };

  const parts = answer.tabs.map((one) => ({ id: one.id, title: texts["tab_" + one.id], fill: filled(one) }));
  if (answer.worker) parts.push({ id: "source", title: texts.tab_source, fill: source });
  const tabs = trl.tabs(parts, { label: texts.ways });
  body.replaceChildren(...[trl.notes(answer.notes), ...tabs.elements].filter(Boolean));
  tabs.start();
  body.querySelector("[role=tab][aria-selected=true]").focus();
};
