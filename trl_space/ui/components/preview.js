// Rows as the model will see them, one row at a time, or as they are in the dataset.
// value: {state: "empty" | "loading" | "table" | "none" | "chat", rows, title, icon, note, sentence}; "table" is shown by
// Gradio's own part. A row: {bubbles, answers: [{thumb: "up" | "down", word, bubbles}], images: [{src, alt} | {text}],
// tools: [{name, text}], scores: null | {answers: [{title, text}], lines: [{title, weight, scores}]}, left_out, size,
// raw: [{name, text}]}. A bubble: {role, who, text, side, learns, calls: [{name, text}]}.
trl.parts.preview = ({ element, props, watch, texts }) => {
  const { h, icon } = trl;
  const THUMB = "M6.4 9.2v7H3.6v-7zM6.4 9.2l2.9-5.9c1.3.1 2 1 1.8 2.3l-.5 2.6h4.1c1 0 1.8.9 1.6 1.9l-.9 4.7c-.2.8-.9 1.4-1.7 1.4H6.4";
  let at = 0;
  let mode = "mapped";

  const step = (name, sign, by) => h("button",
    { type: "button", class: "t-btn t-quiet", "aria-label": texts[name], onclick: () => turn(by) }, icon(sign));
  const previous = step("previous", "left", -1);
  const next = step("next", "right", 1);
  const place = h("span", { class: "t-small t-num", "aria-live": "polite" });
  const seg = (name) => h("button", { type: "button", class: "t-seg", "data-mode": name, onclick: () => show(name) }, texts[name]);
  const modes = [seg("mapped"), seg("raw")];
  const switcher = h("div", { class: "t-segs", role: "group", "aria-label": texts.mode }, modes);
  const bones = h("span", { class: "t-preview-note" });
  const size = h("span", { class: "t-small t-num t-preview-size" });
  const box = h("div", { class: "t-preview-box", tabindex: "0", role: "region", "aria-label": texts.label });
  const foot = h("div", { class: "t-preview-foot t-small" });
  const pager = h("span", { class: "t-preview-pager" }, size, previous, place, next);
  const frame = h("div", { class: "t-preview" }, h("div", { class: "t-preview-bar" }, bones, switcher, pager), box, foot);
  element.append(frame);

  const turn = (by) => {
    const count = (props.value?.rows || []).length;
    at = (at + by + count) % count;
    paint();
    box.scrollTop = 0;
  };
  const show = (name) => {
    mode = name;
    paint();
    box.scrollTop = 0;
  };

  const thumb = (which) => {
    const sign = trl.svg("svg", { viewBox: "0 0 20 20", class: `t-icon t-thumb-${which}`, "aria-hidden": "true" });
    sign.append(trl.svg("path", { d: THUMB }));
    return sign;
  };
  const folded = (text, holder) => {
    text.classList.add("t-clamped");
    const button = h("button", { type: "button", class: "t-btn t-quiet", "aria-expanded": "false", onclick: () => {
      const closed = text.classList.toggle("t-clamped");
      button.setAttribute("aria-expanded", String(!closed));
      button.replaceChildren(icon(closed ? "down" : "up"), closed ? texts.open : texts.close);
    } }, icon("down"), texts.open);
    holder.append(button);
  };
  const call = (one) => h("div", { class: "t-call t-mono" }, icon("code"), h("span", {}, `${one.name}(${one.text})`));
  const bubble = (one) => {
    const text = h("div", { class: "t-bubble-text" }, one.text);
    const who = h("div", { class: "t-bubble-who" }, one.who, one.learns && h("span", { class: "t-bubble-learns" }, texts.learns));
    const whole = h("div", { class: `t-bubble t-bubble-${one.side} ${one.learns ? "t-learns" : ""}` }, who,
      one.text || !one.calls?.length ? text : null, (one.calls || []).map(call));
    if (one.text.length > 600) folded(text, whole);
    return whole;
  };
  const answer = (one) => h("div", { class: `t-answer t-answer-${one.thumb}` },
    h("div", { class: "t-answer-word" }, thumb(one.thumb), one.word), one.bubbles.map(bubble));
  const picture = (one) => {
    const gone = () => h("span", { class: "t-picture t-small" }, one.text || one.alt);
    if (!one.src) return gone();
    return h("img", { class: "t-picture", src: one.src, alt: one.alt, width: 112, height: 112, loading: "lazy",
      referrerpolicy: "no-referrer", onerror: (event) => event.target.replaceWith(gone()) });
  };
  const tools = (all) => h("details", { class: "t-tools" },
    h("summary", { class: "t-small" }, `${texts.tools} (${all.length})`),
    h("ul", {}, all.map((one) => h("li", {}, h("span", { class: "t-mono" }, one.name), one.text && ` ${one.text}`))));
  const scores = (value) => {
    if (!value.lines.length) return h("p", { class: "t-small t-scores" }, texts.no_rewards);
    const sample = (one) => h("th", { scope: "col" }, one.title, h("span", { class: "t-scores-sample", title: one.text }, one.text));
    const line = (one) => h("tr", {}, h("th", { scope: "row" }, one.title, one.weight && h("span", { class: "t-small" }, ` ${one.weight}`)),
      one.scores.map((each) => h("td", { class: "t-num" }, each)));
    return h("table", { class: "t-scores" }, h("caption", { class: "t-small" }, texts.scores),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, texts.reward), value.answers.map(sample))),
      h("tbody", {}, value.lines.map(line)));
  };
  const columns = (row) => h("dl", { class: "t-raw" },
    row.raw.flatMap((one) => [h("dt", { class: "t-mono" }, one.name), h("dd", {}, one.text || "–")]));
  const draw = (row) => {
    if (mode === "raw") return [columns(row)];
    if (row.left_out) return [...row.bubbles.map(bubble), columns(row)];
    return [
      row.tools?.length ? tools(row.tools) : null,
      row.images?.length ? h("div", { class: "t-pictures" }, row.images.map(picture)) : null,
      ...row.bubbles.map(bubble),
      row.answers?.length ? h("div", { class: `t-answers t-answers-${row.answers.length}` }, row.answers.map(answer)) : null,
      row.scores ? scores(row.scores) : null,
    ].filter(Boolean);
  };

  // As high as the longest row, within reason: turning from one row to the next moves nothing.
  const fit = (rows) => {
    // All of them at once, so that the browser lays the page out once.
    const all = rows.map((row) => {
      const one = box.cloneNode(false);
      one.append(...draw(row));
      one.style.height = "0";
      return one;
    });
    const beside = h("div", { class: "t-fit", "aria-hidden": "true" }, all);
    box.after(beside);
    const tallest = Math.max(0, ...all.map((one) => one.scrollHeight));
    beside.remove();
    box.style.height = tallest ? Math.min(tallest, 400) + "px" : "";
  };
  // A link that names a dataset will bring rows: their room is kept from the start.
  let awaited = document.documentElement.dataset.filled.includes("dataset");
  const paint = () => {
    let value = props.value || { state: "empty" };
    if (awaited && value.state === "empty") value = { state: "loading" };
    frame.hidden = value.state === "empty" || value.state === "table";
    if (frame.hidden) return;
    foot.textContent = value.note || "";
    const ready = value.state === "chat" && value.rows.length > 0;
    bones.hidden = value.state !== "loading";
    switcher.hidden = pager.hidden = !ready;
    if (value.state === "loading") {
      bones.replaceChildren(trl.bone("220px", "14px"));
      const waiting = [["52%", "left"], ["40%", "right"]].map(([width, side]) =>
        h("div", { class: `t-bubble t-bubble-${side}`, style: `width:${width}` }, trl.bone("30%", "13px"), trl.bone("90%", "15px")));
      box.style.height = "";
      box.replaceChildren(...waiting, h("span", { class: "t-sr" }, texts.loading));
      return;
    }
    if (!ready) return box.replaceChildren(h("p", { class: "t-small" }, value.sentence || texts.none));
    at = Math.min(at, value.rows.length - 1);
    const row = value.rows[at];
    modes.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.mode === mode)));
    switcher.title = value.title || "";
    previous.disabled = next.disabled = value.rows.length < 2;
    place.textContent = trl.fill(texts.place, { i: at + 1, n: value.rows.length });
    size.textContent = row.size || "";
    box.replaceChildren(...draw(row));
  };
  paint();
  watch("value", () => {
    awaited = false;
    at = 0;
    mode = "mapped";
    paint();
    if (props.value?.state === "chat") {
      fit(props.value.rows);
      paint();
    }
  });
};
