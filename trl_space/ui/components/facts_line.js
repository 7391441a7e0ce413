// One quiet line of what the Hub says about a choice: words with icons, badges, or the sentence that says what is wrong.
// value: {state: "empty" | "loading" | "ok" | "problem", items: [{icon, text, tone, why: more words, shown on hover}], sentence, link: {url, text}, url}
trl.parts.facts_line = ({ element, props, watch, texts }) => {
  const { h, icon } = trl;
  const line = h("div", { class: "t-facts", role: "status" });
  element.append(line);
  let slow = null;
  const paint = () => {
    const value = props.value || { state: "empty" };
    clearTimeout(slow);
    line.className = `t-facts t-facts-${value.state}`;
    if (value.state === "loading") {
      line.replaceChildren(trl.bone("52px", "14px"), trl.bone("96px", "14px"), trl.bone("72px", "14px"), h("span", { class: "t-sr" }, texts.loading));
      slow = setTimeout(() => line.replaceChildren(h("span", { class: "t-small" }, texts.slow)), 3000);
      return;
    }
    if (value.state === "problem") {
      const url = value.link && trl.safeUrl(value.link.url);
      line.replaceChildren(icon("blocks"), h("span", {}, value.sentence, " ",
        url && h("a", { href: url, target: "_blank", rel: "noopener" }, value.link.text)));
      return;
    }
    if (value.state === "empty") return line.replaceChildren(h("span", { class: "t-small" }, value.sentence || texts.empty));
    const url = trl.safeUrl(value.url || "");
    line.replaceChildren(
      ...(value.items || []).map((item) => item.tone
        ? h("span", { class: `t-badge t-${item.tone}` }, icon(item.icon), item.text)
        : h("span", { class: "t-fact t-num", title: item.why || null }, icon(item.icon), item.text,
          item.why ? h("span", { class: "t-sr" }, " " + item.why) : null)),
      url ? h("a", { class: "t-fact", href: url, target: "_blank", rel: "noopener" }, texts.open, icon("out")) : "",
    );
  };
  paint();
  watch("value", paint);
};
