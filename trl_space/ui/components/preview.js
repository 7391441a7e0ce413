// Rows as the model will see them: conversations as bubbles, one row at a time.
// value: {state, rows: [{bubbles: [{role, who, text, learns}], cut}], note, from, sentence}; a table is shown by Gradio's own part.
trl.parts.preview = ({ element, props, watch, texts }) => {
  const { h, icon } = trl;
  let at = 0;
  const previous = h("button", { type: "button", class: "t-btn t-quiet", "aria-label": texts.previous, onclick: () => turn(-1) }, icon("left"));
  const next = h("button", { type: "button", class: "t-btn t-quiet", "aria-label": texts.next, onclick: () => turn(1) }, icon("right"));
  const place = h("span", { class: "t-small t-num", "aria-live": "polite" });
  const note = h("span", { class: "t-preview-note" });
  const box = h("div", { class: "t-preview-box", tabindex: "0", role: "group", "aria-label": texts.label });
  const foot = h("div", { class: "t-preview-foot t-small" });
  const pager = h("span", { class: "t-preview-pager" }, previous, place, next);
  const frame = h("div", { class: "t-preview" }, h("div", { class: "t-preview-bar" }, note, pager), box, foot);
  element.append(frame);
  const turn = (step) => {
    const count = (props.value?.rows || []).length;
    at = (at + step + count) % count;
    paint();
    box.scrollTop = 0;
  };
  const bubble = (one) => {
    const text = h("div", { class: "t-bubble-text" }, one.text);
    const whole = h("div", { class: `t-bubble t-bubble-${one.side} ${one.learns ? "t-learns" : ""}` },
      h("div", { class: "t-bubble-who" }, one.who, one.learns && h("span", { class: "t-bubble-learns" }, texts.learns)), text);
    if (one.text.length > 600) {
      text.classList.add("t-clamped");
      const button = h("button", { type: "button", class: "t-btn t-quiet", "aria-expanded": "false", onclick: () => {
        const closed = text.classList.toggle("t-clamped");
        button.setAttribute("aria-expanded", String(!closed));
        button.replaceChildren(icon(closed ? "down" : "up"), closed ? texts.open : texts.close);
      } }, icon("down"), texts.open);
      whole.append(button);
    }
    return whole;
  };
  // As high as the longest row, within reason: turning from one row to the next moves nothing.
  const fit = (rows) => {
    box.style.height = "0";
    let tallest = 0;
    for (const row of rows) {
      box.replaceChildren(...row.bubbles.map(bubble));
      tallest = Math.max(tallest, box.scrollHeight);
    }
    box.style.height = tallest ? Math.min(tallest, 340) + "px" : "";
  };
  // A link that names a dataset will bring rows: their room is kept from the start.
  let awaited = document.documentElement.dataset.filled.includes("dataset");
  const paint = () => {
    let value = props.value || { state: "empty" };
    if (awaited && value.state === "empty") value = { state: "loading" };
    frame.hidden = value.state === "empty" || value.state === "table";
    if (frame.hidden) return;
    foot.textContent = value.note || "";
    const ready = value.state === "chat" && value.rows.length;
    previous.disabled = next.disabled = !ready;
    if (value.state === "loading") {
      note.replaceChildren(trl.bone("160px", "14px"));
      place.textContent = "";
      const bones = [["52%", "left"], ["40%", "right"]].map(([width, side]) =>
        h("div", { class: `t-bubble t-bubble-${side}`, style: `width:${width}` }, trl.bone("30%", "13px"), trl.bone("90%", "15px")));
      box.style.height = "";
      box.replaceChildren(...bones, h("span", { class: "t-sr" }, texts.loading));
      return;
    }
    if (!ready) {
      note.textContent = "";
      place.textContent = "";
      return box.replaceChildren(h("p", { class: "t-small" }, value.sentence || texts.none));
    }
    at = Math.min(at, value.rows.length - 1);
    note.replaceChildren(icon(value.icon || "chat"), value.title || "");
    place.textContent = trl.fill(texts.place, { i: at + 1, n: value.rows.length });
    box.replaceChildren(...value.rows[at].bubbles.map(bubble));
  };
  paint();
  watch("value", () => {
    awaited = false;
    at = 0;
    paint();
    if (props.value?.state === "chat") {
      fit(props.value.rows);
      paint();
    }
  });
};
