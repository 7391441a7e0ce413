// Where the script comes from: a worked example of TRL's guide, what is written or pasted, a file, an address, one of TRL's
// own scripts; or a plain command in place of a script. The text itself stands in the editor below.
// value: {way, url, linked: its sha256 as the link says, read: sha256 of what was read there, command, state: "" | "reading", problem}.
// guide: [{id, title, text, href}]; examples: [{group, scripts: [{name, url, about}]}]; facts: what the line below says of the text.
// Whatever is changed triggers `choose`; a text for the editor triggers `bring`.
trl.parts.script_source = ({ element, props, trigger, server, watch, texts }) => {
  if (trl.view !== "scripts") return;
  const { h, icon, fill } = trl;
  const MOST = 384 * 1024; // bytes of a script
  const mine = trl.own(props);
  const value = () => props.value || {};
  const say = (part) => { mine.set({ ...value(), ...part }); paint(); trigger("choose"); };
  trl.scripts.bring = () => trigger("bring");
  const WAYS = { guide: "star", write: "code", file: "file", address: "link", trl: "rows", command: "play" };
  let way = "", asked = 0, timer = null;

  const tabs = h("div", { class: "t-ways-tabs", role: "tablist", "aria-label": texts.ways });
  const panel = h("div", { class: "t-ways-panel", role: "tabpanel", id: "trl-script-panel" });
  const line = h("div", { class: "t-facts t-script-facts", id: "trl-script-facts", role: "status" });
  element.append(tabs, panel, line);

  // --- a text arrives ---
  const bring = (text, part) => {
    const now = { command: "", state: "", problem: "", ...part };
    mine.set({ ...value(), ...now });
    trl.scripts.put(text);
    paint();
  };
  // The text that is in the editor has an address now, and counts as read there.
  trl.scripts.named = ({ address: url, sha256 }) => {
    address.value = url;
    say({ way: "address", url, linked: sha256, read: sha256, command: "", state: "", problem: "" });
    show("address");
  };
  const fail = (problem) => { mine.set({ ...value(), state: "", problem }); paint(); trigger("choose"); };
  // A link's address stays as the link says it; one that was typed becomes that of the file itself.
  async function read(url, linked = "", typed = true) {
    const mark = ++asked;
    say({ way: "address", url, linked, read: "", command: "", state: "reading", problem: "" });
    let answer;
    try { answer = await server.read({ url }); } catch { answer = { problem: texts.lost }; }
    if (mark !== asked) return;
    offer = answer.offer || "";
    if (answer.problem) return fail(answer.problem);
    bring(answer.text, { url: typed ? answer.url || url : url, read: answer.sha256 });
  }
  let offer = "";

  // --- the ways ---
  const file = h("input", { type: "file", id: "trl-script-file", class: "t-sr", accept: ".py,.txt,text/x-python,text/plain", onchange: () => take(file.files[0]) });
  const drop = h("label", { class: "t-drop", for: "trl-script-file" }, icon("file"), h("span", {}, h("strong", {}, texts.file_choose), " ", texts.file_drop), h("span", { class: "t-small" }, texts.file_note));
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("t-over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("t-over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("t-over"); take(event.dataTransfer.files[0]); });
  async function take(given) {
    file.value = "";
    if (!given) return;
    asked += 1;
    if (given.size > MOST) return fail(fill(texts.file_big, { kib: MOST / 1024 }));
    let text;
    try { text = new TextDecoder("utf-8", { fatal: true }).decode(await given.arrayBuffer()); } catch { return fail(texts.file_not_text); }
    if (text.includes("\u0000")) return fail(texts.file_not_text);
    if (!text.trim()) return fail(texts.file_empty);
    trl.scripts.name = given.name;
    bring(text, { way: "file", url: "", linked: "", read: "" });
  }
  const address = h("input", { class: "t-input t-mono", id: "trl-script-address", type: "url", inputmode: "url", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
    placeholder: "https://gist.github.com/…", "aria-label": texts.address, onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); go(); } } });
  const go = () => { if (address.value.trim()) read(address.value.trim()); };
  const command = h("input", { class: "t-input t-mono", id: "trl-script-command", type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
    placeholder: "python -c 'print(1)'", "aria-label": texts.command, oninput: () => {
      mine.set({ ...value(), way: "command", command: command.value });
      clearTimeout(timer);
      timer = setTimeout(() => trigger("choose"), 300);
    } });
  const pick = () => {
    const about = h("p", { class: "t-small" }, texts.trl_note);
    const field = h("select", { class: "t-input t-select", id: "trl-script-trl", "aria-label": texts.trl, onchange: () => {
      const one = (props.examples || []).flatMap((group) => group.scripts).find((each) => each.url === field.value);
      about.textContent = one?.about || texts.trl_note;
      if (one) read(one.url);
    } }, h("option", { value: "" }, texts.trl_choose), (props.examples || []).map((group) => h("optgroup", { label: group.group },
      group.scripts.map((one) => h("option", { value: one.url, selected: one.url === value().url }, one.name)))));
    return [h("span", { class: "t-select-frame" }, field), about];
  };
  const panels = {
    guide: () => [h("p", { class: "t-small" }, texts.guide_note), h("ul", { class: "t-guide" }, (props.guide || []).map((one) => h("li", {},
      h("a", { class: "t-choice", href: trl.page(one.href), "data-id": one.id }, h("span", { class: "t-choice-title" }, one.title), h("span", { class: "t-choice-text" }, one.text)))))],
    write: () => [h("p", { class: "t-small" }, texts.write_note)],
    file: () => [drop, file],
    address: () => [h("div", { class: "t-list-field" }, address, h("button", { type: "button", class: "t-btn", id: "trl-script-read", onclick: go }, texts.address_read)),
      h("p", { class: "t-small" }, texts.address_note)],
    trl: pick,
    command: () => [command, h("p", { class: "t-small" }, texts.command_note)],
  };
  const show = (next, focus) => {
    way = next;
    tabs.replaceChildren(...Object.entries(WAYS).map(([name, sign]) => h("button", { type: "button", class: "t-ways-tab", role: "tab", id: `trl-script-way-${name}`,
      "aria-selected": String(name === way), "aria-controls": "trl-script-panel", tabindex: name === way ? 0 : -1, onclick: () => choose(name) }, icon(sign), texts[`way_${name}`])));
    panel.setAttribute("aria-labelledby", `trl-script-way-${way}`);
    panel.replaceChildren(...panels[way]());
    edit();
    if (focus) tabs.querySelector("[aria-selected=true]").focus();
  };
  const choose = (next, focus) => {
    const before = way;
    show(next, focus);
    // Looking at another way changes nothing yet; a command in place of a script does, and so does leaving it.
    if (next === "command" || before === "command") say({ way: next === "command" ? "command" : "", problem: "" });
  };
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const names = Object.keys(WAYS);
    choose(names[(names.indexOf(way) + step + names.length) % names.length], true);
  });

  // --- what it is ---
  let slow = null;
  const paint = () => {
    const { state, problem } = value();
    clearTimeout(slow);
    line.className = `t-facts t-script-facts ${problem ? "t-facts-problem" : ""}`;
    if (state === "reading") {
      line.replaceChildren(trl.bone("72px", "14px"), trl.bone("128px", "14px"), h("span", { class: "t-sr" }, texts.reading));
      slow = setTimeout(() => line.replaceChildren(h("span", { class: "t-small" }, texts.slow)), 3000);
    } else if (problem) {
      line.replaceChildren(icon("blocks"), h("span", {}, problem), offer ? h("button", { type: "button", class: "t-btn t-fix", onclick: () => {
        address.value = offer;
        read(offer);
      } }, texts.offer) : "");
    } else line.replaceChildren(...(props.facts || []).map((one) => h("span", { class: one.tone ? `t-badge t-${one.tone}` : "t-fact t-num" }, icon(one.icon), one.text)));
    line.hidden = way === "command" || (state !== "reading" && !problem && !props.facts?.length);
    edit();
  };
  // The editor is there as soon as there is something to edit.
  const edit = () => {
    const there = way === "write" || props.facts?.length || value().state === "reading";
    document.documentElement.dataset.script = way === "command" || !there ? "none" : "text";
  };

  // A link, an example or an earlier run fills everything; a script by address is read then.
  let filled = "";
  const arrive = async () => {
    mine.arrived();
    const now = value();
    const key = JSON.stringify([now.url, now.linked, now.command]);
    if (now.turn === undefined && key !== filled) {
      filled = key;
      address.value = now.url || "";
      command.value = now.command || "";
      if (now.way || !way) show(now.way || "guide"); // who looked at another way meanwhile stays there
      if (now.url && !now.read) return read(now.url, now.linked, false);
      if (!now.url && now.linked) {
        const text = await trl.scripts.draft(now.linked);
        if (text && text !== trl.scripts.text) return bring(text, {});
      }
    } else if (now.way === "command" && document.activeElement !== command) command.value = now.command || "";
    paint();
  };
  arrive();
  watch("value", arrive);
  watch(["guide", "examples"], () => { if (way === "guide" || way === "trl") show(way); });
  watch("facts", paint);
};
