// "Share": the link of a recipe, its QR code, and what is put into a README; and where its script is at no address, the
// way to one. What the server answers is at the top of `ui/sharing.py` and `ui/keeping.py`.
trl.share_panel = async (asked, { server, texts, opener }) => {
  const { h } = trl;
  const panel = trl.panel({ id: "trl-share-panel", title: texts.share, opener, texts });
  const { body, say } = panel;
  const shared = { texts, say };
  // Every call ends: with an answer, or with a sentence.
  const ask = async (name, more) => {
    try { return await server[name]({ ...asked, ...more }); } catch { return { problem: texts.lost }; }
  };
  const problem = h("p", { class: "t-panel-problem", role: "alert", hidden: true });
  const tell = (sentence) => {
    problem.hidden = !sentence;
    problem.replaceChildren(...(sentence ? [trl.icon("warns"), h("span", {}, sentence)] : []));
  };
  // A button that says what it does while it does it; `act` gives what takes its place, or null to leave it there.
  const doing = (id, word, busy, act, kind = "t-primary") => {
    const button = h("button", { type: "button", id, class: `t-btn ${kind}`, onclick: async () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      button.setAttribute("aria-disabled", "true");
      button.textContent = busy;
      tell("");
      await act();
      button.removeAttribute("aria-disabled");
      button.textContent = word;
    } }, word);
    return button;
  };

  const show = async () => {
    body.replaceChildren(h("div", { class: "t-panel-wait", "aria-label": texts.reading }, trl.bone("80%", "16px"), trl.bone("100%", "44px"), trl.bone("100%", "200px")));
    const answer = await ask("share", { at: trl.here() });
    if (!panel.element.open) return;
    tell(answer.problem);
    if (answer.problem) return body.replaceChildren(problem);
    (answer.link ? linked : filed)(answer);
  };

  // --- no link can hold it ---
  const filed = (answer) => {
    const file = trl.saving({ file: "recipe.yaml", text: () => answer.yaml, kind: answer.keep ? "" : "t-primary" });
    const acts = h("div", { class: "t-listing-acts" });
    const keep = async (more) => {
      const found = await ask("keep", { ...more, name: trl.scripts?.name || "" });
      if (!panel.element.open) return;
      if (found.problem) {
        tell(found.problem);
        if (found.public && !document.getElementById("trl-keep-public"))
          acts.prepend(doing("trl-keep-public", texts.keep_public, texts.keep_busy, () => keep({ public: true }), "t-fix"));
        return;
      }
      // The page goes on with the script at its address, as if it had been opened from there.
      if (!asked.run) trl.scripts?.named?.(found);
      asked = { ...asked, query: found.query };
      say(texts.kept);
      await show();
    };
    if (answer.keep === "save") acts.append(doing("trl-keep", texts.keep, texts.keep_busy, () => keep({})));
    if (answer.keep === "sign_in") acts.append(h("button", { type: "button", class: "t-btn t-primary", id: "trl-keep-signin", onclick: () => trl.signIn() }, texts.keep_sign_in));
    acts.append(file);
    const notes = answer.keep ? [texts.keep_note, answer.notes.at(-1)] : answer.notes;
    body.replaceChildren(trl.notes(notes), acts, problem,
      h("pre", { class: "t-listing t-mono", tabindex: "0", role: "region", "aria-label": "recipe.yaml" }, answer.yaml));
    acts.querySelector("button").focus();
  };

  // --- the link ---
  // Whoever opens it reads the script only where they may.
  const shelf = ({ repo, url, head, scripts }) => h("section", { class: "t-shelf", id: "trl-shelf", "aria-label": texts.shelf_label },
    h("p", {}, trl.icon("lock"), h("span", {}, trl.fill(texts.shelf, { repo }), " ", h("a", { href: trl.safeUrl(url), target: "_blank", rel: "noopener" }, texts.shelf_open))),
    h("details", {}, h("summary", {}, trl.icon("down"), trl.fill(scripts.length === 1 ? texts.shelf_one : texts.shelf_many, { n: scripts.length })),
      h("ul", { class: "t-mono" }, scripts.map((name) => h("li", {}, name))),
      doing("trl-publish", texts.publish, texts.publish_busy, async () => {
        const found = await ask("publish", { head });
        if (!panel.element.open) return;
        if (found.problem) return tell(found.problem);
        say(texts.published);
        await show();
      }, "t-fix")), problem);
  const linked = (answer) => {
    const file = trl.saving({ file: "recipe.yaml", text: () => answer.yaml, kind: "" });
    const field = h("input", { class: "t-link-field t-mono", id: "trl-share-link", readonly: true, value: answer.link, "aria-label": texts.tab_link,
      onfocus: () => field.select() });
    const copy = trl.copying({ text: () => answer.link, ...shared, kind: "t-primary", word: texts.copy_link, id: "trl-share-copy" });
    const picture = (address, name, kind) => (String(address).startsWith("data:image/svg+xml")
      ? h("img", { src: address, alt: name, class: kind }) : null);
    const code = picture(answer.qr, texts.qr_alt, "t-qr");
    const scan = h("div", { class: "t-share-scan" }, code || h("p", { class: "t-small" }, texts.qr_none), code && h("div", { class: "t-share-scan-text" },
      h("p", { class: "t-small" }, texts.qr_note), trl.saving({ file: "recipe-qr.svg", kind: "t-quiet",
        text: () => decodeURIComponent(answer.qr.slice(answer.qr.indexOf(",") + 1)) })));
    const parts = answer.snippets.map((one) => ({ id: one.id, title: texts["tab_" + one.id], fill: (place) => place.append(
      ...trl.listing({ text: one.text, file: one.file, label: texts["tab_" + one.id], kind: "", ...shared })) }));
    const tabs = trl.tabs(parts, { label: texts.badge });
    body.replaceChildren(...[trl.notes(answer.notes), h("div", { class: "t-share-link" }, field, copy, file), answer.shelf && shelf(answer.shelf), scan,
      h("section", { class: "t-share-badge", "aria-labelledby": "trl-share-badge-title" },
        h("div", { class: "t-share-badge-head" }, h("h3", { id: "trl-share-badge-title" }, texts.badge),
          h("span", { class: "t-badge-look", "aria-hidden": "true" }, h("span", {}, texts.badge_alt), h("span", {}, texts.name))),
        ...tabs.elements)].filter(Boolean));
    tabs.start();
    copy.focus();
  };
  await show();
};
