// Runs in the page's head, before anything is drawn: what the address asks for, and whether this page wrote it itself.
// trl_written remembers, for this tab alone, which addresses the page has written and what link each began with: all that
// another address says is somebody else's, and no address can say otherwise. trl_opened is what the server is told.
window.trl_written = (() => {
  const KEY = "trl-space:written", KEPT = "trl-space:kept";
  const OURS = ["__theme", "__sign", "signin"]; // how the page is shown, no part of what it shows
  const MOST = 8192;
  const read = (key) => {
    try { return JSON.parse(sessionStorage.getItem(key)) || []; } catch { return []; }
  };
  const put = (key, pair, most) => {
    try {
      sessionStorage.setItem(key, JSON.stringify([pair, ...read(key).filter((one) => one[0] !== pair[0])].slice(0, most)));
    } catch { /* A browser that keeps nothing takes every address for a link. */ }
  };
  const named = (part) => part.split("=")[0];
  const plain = (search) => search.replace(/^\?/, "").split("&").filter((part) => part && !OURS.includes(named(part))).join("&");
  // The same address may come back in another spelling, from a sign-in or from the Hub's page around this one.
  const spelled = (query) => new URLSearchParams(query).toString();
  const of = (key, name) => (read(key).find((one) => one[0] === name) || [])[1];
  const number = (text) => [...text].reduce((sum, char) => (Math.imul(sum, 31) + char.codePointAt(0)) >>> 0, 7).toString(16);
  return {
    MOST, plain,
    add: (query, linked) => put(KEY, [spelled(query), linked], 40),
    // A recipe that is too long for an address is kept in this tab, under a name.
    keep(query) { put(KEPT, [number(query), query], 5); return number(query); },
    // {query, linked: what it began with, or null when this page did not write it}
    look(search) {
      const query = plain(search), linked = of(KEY, spelled(query)) ?? null;
      if (!/^kept=[0-9a-f]+$/.test(query)) return { query, linked };
      const kept = of(KEPT, query.slice(5));
      return kept ? { query: kept, linked } : { query: "", linked: null, lost: true };
    },
  };
})();
window.trl_opened = (() => {
  const long = location.search.length - 1;
  // It would go along with everything that is asked of the server: nothing of it is read, and the page says so.
  if (long > trl_written.MOST) {
    const kept = new URLSearchParams(location.search);
    for (const name of new Set(kept.keys())) if (!name.startsWith("__") || kept.get(name).length > 2000) kept.delete(name);
    history.replaceState(null, "", location.pathname + (kept.size ? "?" + kept : ""));
  }
  const found = trl_written.look(location.search), signin = location.search.slice(1).split("&").find((part) => /^signin=\w+$/.test(part));
  if (signin) found.query = [found.query, signin].filter(Boolean).join("&"); // how it ended is said once
  return long > trl_written.MOST ? { ...found, long, linked: null } : found;
})();
(() => {
  // A view is a page of its own: Gradio makes and draws nothing that belongs to another one alone, which is most of what it
  // does when a page is opened. What is not visible it does not wait for.
  function only(view) {
    const { components = [], page = {} } = window.gradio_config || {}, all = new Map(components.map((one) => [one.id, one.props]));
    const elsewhere = (props) => {
      const classes = [props?.elem_classes || []].flat().join(" ").split(" "), views = classes.filter((one) => one.startsWith("t-view-"));
      return classes.includes(view === "scripts" ? "t-of-training" : "t-of-script") || (views.length && !views.includes("t-view-" + view));
    };
    const look = (node, gone) => {
      const props = all.get(node.id), away = gone || elsewhere(props);
      if (away && props) props.visible = false;
      node.children?.forEach((one) => look(one, away));
      if (away) node.children?.splice(0);
    };
    const there = new Set();
    const count = (node) => { there.add(node.id); node.children?.forEach(count); };
    for (const { layout } of Object.values(page)) { look(layout, false); count(layout); }
    if (!window.gradio_config) return;
    // What happens to none of them, or after nothing of that, does not happen on this page.
    const heard = new Set();
    for (const one of gradio_config.dependencies)
      if (heard.has(one.trigger_after) || one.targets.some(([id]) => there.has(id))) heard.add(one.id);
    // Gradio goes through all of these for each component, and its framework watches every plain object that it reads:
    // what has a kind of its own is left alone. Nothing of it changes.
    const unwatched = (one) => Object.setPrototypeOf(one, Object.create(Object.prototype));
    gradio_config.dependencies = gradio_config.dependencies.filter((one) => heard.has(one.id)).map(unwatched);
    gradio_config.components = components.filter((one) => there.has(one.id)).map(unwatched);
  }
  const q = new URLSearchParams(trl_opened.query), root = document.documentElement.dataset;
  // What only a run of a script says, as in `script.KEYS`.
  const SCRIPT = ["script_sha256", "script_args", "dependencies", "python", "secrets", "volumes"];
  const names = [...q.keys()];
  const script = q.get("view") === "scripts" || names.some((one) => ["script", "command", "guide", "again"].includes(one))
    || (!q.get("model") && names.some((one) => SCRIPT.includes(one) || /^(env|label)[.]/.test(one)));
  root.view = q.get("run") ? "run" : ["runs", "gallery"].includes(q.get("view")) ? q.get("view") : script ? "scripts" : "form";
  root.goal = q.get("trainer") || "sft";
  root.filled = ["model", "dataset"].filter((one) => q.get(one)).join(" ") || "none";
  // What a link filled in will be said above the form: there is room for it from the start.
  if (trl_opened.linked === null && names.some((one) => !["view", "signin"].includes(one))) root.linked = "";
  // What is clicked before the form is filled in would be taken back by what fills it in.
  root.opening = "";
  setTimeout(() => delete root.opening, 10000);
  only(root.view);
})();
// Gradio makes parts when it likes, also before our own script is there.
window.trl_mount = (...part) => (trl_mount.waiting ??= []).push(part);
