// "Share": the link of a recipe, its QR code, and what is put into a README. What the server answers is at the top of
// `ui/sharing.py`.
trl.share_panel = async (asked, { server, texts, opener }) => {
  const { h } = trl;
  const panel = trl.panel({ id: "trl-share-panel", title: texts.share, opener, texts });
  const { body, say } = panel;
  const shared = { texts, say };
  body.append(h("div", { class: "t-panel-wait", "aria-label": texts.reading }, trl.bone("80%", "16px"), trl.bone("100%", "44px"), trl.bone("100%", "200px")));
  let answer;
  try {
    answer = await server.share({ ...asked, at: trl.here() });
  } catch {
    answer = { problem: texts.lost };
  }
  if (!panel.element.open) return;
  if (answer.problem) return body.replaceChildren(h("p", { class: "t-panel-problem", role: "alert" }, trl.icon("warns"), h("span", {}, answer.problem)));

  const file = trl.saving({ file: "recipe.yaml", text: () => answer.yaml, kind: answer.link ? "" : "t-primary" });
  if (!answer.link) {
    body.replaceChildren(trl.notes(answer.notes), h("div", { class: "t-listing-acts" }, file),
      h("pre", { class: "t-listing t-mono", tabindex: "0", role: "region", "aria-label": "recipe.yaml" }, answer.yaml));
    return file.focus();
  }
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
  body.replaceChildren(trl.notes(answer.notes), h("div", { class: "t-share-link" }, field, copy, file), scan,
    h("section", { class: "t-share-badge", "aria-labelledby": "trl-share-badge-title" },
      h("div", { class: "t-share-badge-head" }, h("h3", { id: "trl-share-badge-title" }, texts.badge), 
        h("span", { class: "t-badge-look", "aria-hidden": "true" }, h("span", {}, texts.badge_alt), h("span", {}, texts.name))),
      ...tabs.elements));
  tabs.start();
  copy.focus();
};
