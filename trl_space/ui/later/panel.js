// What both panels are made of: a window over the page that Escape closes, tabs for keys and screen readers, a text with
// buttons to copy and to save it.
(() => {
  const { h, icon } = trl;
  let number = 0;

  // {title, opener, texts}: {element, body, close}
  trl.panel = ({ id, title, opener, texts }) => {
    const name = `trl-panel-title-${++number}`;
    const body = h("div", { class: "t-panel-body" });
    const told = h("div", { class: "t-sr", role: "status" });
    const close = () => element.close();
    const element = h("dialog", { class: "t-panel", id, "aria-labelledby": name },
      h("div", { class: "t-panel-head" }, h("h2", { class: "t-title", id: name, tabindex: "-1" }, title),
        h("button", { type: "button", class: "t-btn t-quiet t-panel-close", "aria-label": texts.close, onclick: close }, icon("close"))),
      body, told);
    // A click beside the window closes it too; one that began inside, when text was marked, does not.
    let outside = false;
    element.addEventListener("pointerdown", (event) => { outside = event.target === element; });
    element.addEventListener("click", (event) => { if (outside && event.target === element) close(); });
    element.addEventListener("close", () => {
      element.remove();
      document.documentElement.classList.remove("t-covered");
      opener?.focus?.({ preventScroll: true });
    });
    (document.querySelector(".gradio-container") || document.body).append(element);
    document.documentElement.classList.add("t-covered");
    element.showModal();
    return { element, body, close, say: (text) => { told.textContent = text; } };
  };

  // Tabs of [{id, title, fill: (place) => void}]; what a tab holds is made when it is first looked at.
  trl.tabs = (parts, { label }) => {
    const list = h("div", { class: "t-panel-tabs", role: "tablist", "aria-label": label });
    const places = h("div", { class: "t-panel-places" });
    const made = new Map();
    const choose = (id, focus) => {
      for (const part of parts) {
        const tab = document.getElementById(`trl-tab-${part.id}`), place = made.get(part.id);
        const on = part.id === id;
        tab.setAttribute("aria-selected", String(on));
        tab.tabIndex = on ? 0 : -1;
        place.hidden = !on;
        if (on && !place.firstChild) part.fill(place);
        if (on && focus) tab.focus();
        if (on) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    };
    const step = (event) => {
      const at = parts.findIndex((part) => `trl-tab-${part.id}` === event.target.id);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: parts.length - 1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      choose(parts[(to + parts.length) % parts.length].id, true);
    };
    list.addEventListener("keydown", step);
    for (const { id, title } of parts) {
      list.append(h("button", { type: "button", class: "t-panel-tab", role: "tab", id: `trl-tab-${id}`,
        "aria-controls": `trl-place-${id}`, onclick: () => choose(id) }, title));
      const place = h("div", { class: "t-panel-place", role: "tabpanel", id: `trl-place-${id}`, "aria-labelledby": `trl-tab-${id}`, hidden: true });
      made.set(id, place);
      places.append(place);
    }
    return { elements: [list, places], start: () => choose(parts[0].id) };
  };

  // A button that copies what `text()` gives, and says that it did.
  trl.copying = ({ text, texts, say, word = texts.copy_text, kind = "", label = null, id = null }) => {
    const face = () => [icon("copy"), h("span", {}, word)];
    const button = h("button", { type: "button", id, class: `t-btn ${kind}`, "aria-label": label, onclick: async () => {
      const done = await trl.copy(text());
      button.replaceChildren(icon(done ? "ok" : "warns"), h("span", {}, done ? texts.copied : texts.not_copied));
      say(done ? texts.copied : texts.not_copied);
      setTimeout(() => button.replaceChildren(...face()), 2000);
    } }, face());
    return button;
  };

  trl.saving = ({ file, text, kind = "" }) => h("button", { type: "button", class: `t-btn ${kind}`,
    onclick: () => trl.save(file, text()) }, icon("download"), h("span", {}, file));

  // A text to read, copy and save.
  trl.listing = ({ text, file, label, texts, say, kind = "t-primary" }) => [
    h("div", { class: "t-listing-acts" }, trl.copying({ text: () => text, texts, say, kind }), file ? trl.saving({ file, text: () => text }) : null),
    h("pre", { class: "t-listing t-mono", tabindex: "0", "aria-label": label, role: "region" }, text),
  ];

  // One line for a shell, with a button to copy it.
  trl.one_line = ({ text, texts, say }) => h("div", { class: "t-line-box" }, h("code", { class: "t-mono" }, text),
    trl.copying({ text: () => text, texts, say, kind: "t-quiet", word: "", label: texts.copy_line }));

  trl.notes = (all) => (all.length ? h("div", { class: "t-panel-notes" }, all.map((one) => h("p", {}, one))) : null);
})();
