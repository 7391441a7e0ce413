// What would fill a machine's memory: beside the card that somebody rests on, and below the cards for the chosen one,
// where fingers and screen readers find it too. Used by cards.js; an option's parts: null or {rows: [[what, how much]], total}.
trl.memory = (props, group, texts) => {
  const { h, icon } = trl;
  const tip = h("div", { class: "t-tip", role: "tooltip", id: "trl-memory-tip", hidden: true });
  const frame = h("div", { class: "t-cards-frame" }, group, tip);
  const here = h("details", { class: "t-cards-here" }, h("summary", {}), h("dl", { class: "t-parts" }));
  const parts = (id) => props.options?.find((one) => one.id === id)?.parts;
  const list = ({ rows }) => rows.flatMap(([what, much]) => [h("dt", {}, what), h("dd", { class: "t-num" }, much)]);
  let resting = null;
  let hiding = null;

  const hide = () => {
    clearTimeout(hiding);
    tip.hidden = true;
    group.querySelector("[aria-describedby]")?.removeAttribute("aria-describedby");
  };
  const later = () => {
    clearTimeout(resting);
    clearTimeout(hiding);
    hiding = setTimeout(hide, 150);
  };
  const show = (card) => {
    const known = card.isConnected && parts(card.dataset.id);
    hide();
    if (!known) return;
    tip.replaceChildren(h("p", {}, texts.parts_title), h("dl", { class: "t-parts" }, list(known)), h("p", { class: "t-num" }, trl.fill(texts.parts_total, { total: known.total })));
    tip.hidden = false;
    // Below its card, or above it where the window ends.
    tip.style.left = Math.min(card.offsetLeft, Math.max(0, group.offsetWidth - tip.offsetWidth)) + "px";
    tip.style.top = card.offsetTop + card.offsetHeight + "px";
    if (tip.getBoundingClientRect().bottom > innerHeight) tip.style.top = card.offsetTop - tip.offsetHeight + "px";
    card.setAttribute("aria-describedby", tip.id);
  };

  group.addEventListener("pointerover", (event) => {
    clearTimeout(resting);
    const card = event.pointerType === "mouse" && event.target.closest("[data-id]");
    if (card) resting = setTimeout(() => show(card), 250);
  });
  group.addEventListener("pointerleave", later);
  group.addEventListener("focusin", (event) => { if (event.target.matches(":focus-visible")) show(event.target); });
  group.addEventListener("focusout", later);
  tip.addEventListener("pointerenter", () => clearTimeout(hiding));
  tip.addEventListener("pointerleave", later);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  const paint = (chosen) => {
    hide();
    const known = parts(chosen);
    here.firstChild.replaceChildren(icon("down"), trl.fill(texts.parts_here, { total: known?.total || texts.parts_unknown }));
    here.lastChild.replaceChildren(...(known ? list(known) : []));
  };
  paint(null);
  return { frame, here, paint };
};
