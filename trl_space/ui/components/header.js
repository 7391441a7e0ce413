// The top of the page: mark, the four views, and who is signed in.
// languages, language: see language.js. hub: the Hub's address, whose page may show this one in a frame. value: null while it is being read, else {mode: "oauth" | "local" | "none", account: null | {name, fullname, avatar, orgs}, problem}
trl.parts.header = ({ element, props, trigger, watch, texts }) => {
  const { h, icon } = trl;
  trl.address.start(props.hub);
  const mark = trl.svg("svg", { viewBox: "0 0 28 28", class: "t-logo", "aria-hidden": "true" });
  mark.append(
    trl.svg("rect", { width: 28, height: 28, rx: 8, class: "t-logo-ground" }),
    trl.svg("path", { d: "M6.5 20.5c3.4 0 4.2-2.6 5.6-6.2 1.5-3.8 3.4-6.8 9.4-6.8", class: "t-logo-line" }),
    trl.svg("circle", { cx: 21.5, cy: 7.5, r: 2.2, class: "t-logo-dot" }),
  );
  const tab = (view, href, text) => h("a", { href, class: "t-tab", "aria-current": (trl.view === "run" ? "runs" : trl.view) === view ? "page" : null }, text);
  const place = h("div", { class: "t-account" });
  const outer = h("header", { class: "t-header" },
    h("a", { href: trl.page(""), class: "t-brand", "aria-label": texts.home }, mark, h("span", {}, texts.name)),
    h("nav", { class: "t-tabs", "aria-label": texts.nav }, tab("form", trl.page(""), texts.train), tab("runs", trl.page("view=runs"), texts.runs),
      tab("scripts", trl.page("view=scripts"), texts.scripts), tab("gallery", trl.page("view=gallery"), texts.gallery)),
    trl.language(props, texts, "trl-language"), place);
  element.append(outer);
  // The other views show their heading themselves.
  if (trl.view === "form" || trl.view === "scripts") element.append(h("h1", { class: "t-sr" }, trl.view === "form" ? texts.train : texts.scripts));

  const picture = (url, name) => {
    const safe = url && trl.safeUrl(url);
    const letter = h("span", { class: "t-avatar", "aria-hidden": "true" }, (name || "?").slice(0, 1).toUpperCase());
    if (safe) letter.append(h("img", { src: safe, alt: "", referrerpolicy: "no-referrer", onerror: (event) => event.target.remove() }));
    return letter;
  };
  const menu = (account, mode) => {
    const panel = h("div", { class: "t-menu", id: "trl-menu", hidden: true },
      h("div", { class: "t-menu-who" }, h("strong", {}, account.fullname || account.name), h("span", { class: "t-small" }, "@" + account.name)),
      account.orgs.length ? h("div", { class: "t-menu-orgs" }, h("span", { class: "t-small" }, texts.orgs),
        account.orgs.map((org) => h("div", { class: "t-menu-org" }, picture(org.avatar, org.name), org.fullname || org.name))) : null,
      mode === "oauth" ? h("button", { type: "button", class: "t-btn t-quiet", id: "trl-signout", onclick: trl.signOut }, texts.signout)
        : h("span", { class: "t-small t-menu-local" }, texts.local));
    const open = (yes) => { panel.hidden = !yes; button.setAttribute("aria-expanded", String(yes)); };
    const button = h("button", { type: "button", class: "t-btn t-person", id: "trl-account", "aria-expanded": "false", "aria-controls": "trl-menu",
      onclick: () => open(panel.hidden) }, picture(account.avatar, account.name), h("span", { class: "t-person-name" }, account.name), icon("down"));
    const whole = h("div", { class: "t-person-box" }, button, panel);
    whole.addEventListener("keydown", (event) => { if (event.key === "Escape") { open(false); button.focus(); } });
    whole.addEventListener("focusout", (event) => { if (!whole.contains(event.relatedTarget)) open(false); });
    return whole;
  };
  const paint = () => {
    const value = props.value;
    if (!value) return place.replaceChildren(h("span", { class: "t-skel t-account-bone" }));
    trl.state.account = value.account?.name || "";
    // Much on a form follows from who it is.
    if ((value.account || value.problem) && ["form", "scripts"].includes(trl.view)) trigger("known");
    if (value.account) return place.replaceChildren(menu(value.account, value.mode));
    if (value.mode === "oauth") return place.replaceChildren(
      h("button", { type: "button", class: "t-btn", id: "trl-signin", title: value.problem || null, onclick: trl.signIn }, icon("user"), texts.signin));
    place.replaceChildren(h("span", { class: "t-small" }, value.problem || texts.nologin, " ", h("code", { class: "t-mono" }, "hf auth login")));
  };
  paint();
  watch("value", paint);
};
