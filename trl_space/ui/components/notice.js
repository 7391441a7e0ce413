// What has to be said above the form: what a link filled in, parts of it that nobody knows, a Hub that does not answer.
// value: [{icon, text, items, fold, drop: {id, text}, link: {text, query}}]; `fold`: the items are shown on demand; `drop` is
// a button that takes back what the notice says, `link` leads to another form.
trl.parts.notice = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  const box = h("div", { class: "t-notices", role: "status" });
  element.append(box);
  const list = (one) => {
    const items = h("ul", {}, one.items.map((item) => h("li", { class: "t-small" }, item)));
    return one.fold ? h("details", {}, h("summary", { class: "t-small" }, texts.show), items) : items;
  };
  const paint = () => box.replaceChildren(...(props.value || []).map((one) => {
    const whole = h("div", { class: "t-notice" }, icon(one.icon || "warns"), h("div", {}, one.text,
      one.items?.length ? list(one) : null,
      one.link ? h("a", { class: "t-btn t-fix t-notice-link", href: trl.page(one.link.query) }, one.link.text, icon("right")) : null),
      one.drop ? h("button", { type: "button", class: "t-btn t-fix", "data-drop": one.drop.id, onclick: () => {
        props.value = props.value.filter((other) => other !== one);
        trl.touch();
        trigger("drop");
      } }, one.drop.text) : null,
      h("button", { type: "button", class: "t-btn t-quiet", "aria-label": texts.close, onclick: () => whole.remove() }, icon("close")));
    return whole;
  }));
  // How a sign-in ended is said once: a reload, or a link taken from the address, says nothing of it.
  const drop = () => {
    const here = new URL(location.href);
    if (!here.searchParams.has("signin") || !props.value?.length) return;
    here.searchParams.delete("signin");
    history.replaceState(history.state, "", here.href);
  };
  paint();
  drop();
  watch("value", () => {
    delete document.documentElement.dataset.linked;  // no room is kept any more for what is here now (styles.css)
    paint();
    drop();
  });
};
