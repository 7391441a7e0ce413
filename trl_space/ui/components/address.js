// The address of the page: it follows the form without a reload, Back and Forward take it along, and the Hub's page around
// the Space is told of it. A choice is a step of its own, which Back takes back; what is typed goes into the step it is in.
// The form's query comes from the server (`launch.js`); `trl_written` (opened.js) remembers what link it began with.
trl.address = (() => {
  const memory = window.trl_written;
  let linked = window.trl_opened?.linked ?? null; // what filled the page in at first
  let wanted = 0, there = 0; // the turn in which the visitor went back or forward last, and the one that the form shows
  let last = memory.plain(location.search);
  let hub = "", went = () => {};

  // A page of the Hub may show this one in a frame. Only that page is told, and never how the frame is signed.
  const tell = () => {
    if (window.parent !== window && hub) window.parent.postMessage({ queryString: memory.plain(location.search), hash: location.hash }, hub);
  };

  // Answers to what was asked before the visitor went back or forward say nothing of where they are now.
  const about = (answer) => there === wanted && (answer.there ?? there) === there && linked !== null;

  function write(query) {
    const shown = query.length > memory.MOST ? "kept=" + memory.keep(query) : query;
    memory.add(shown, linked);
    last = shown;
    const target = trl.page(shown);
    if (target === location.pathname + location.search) return;
    // Long enough for a Hub that is slow to answer what was chosen; typing, and what was written, end it before.
    const step = Date.now() - trl.state.chose < 30000;
    trl.state.chose = 0;
    history[step ? "pushState" : "replaceState"](null, "", target + location.hash);
    tell();
  }

  addEventListener("popstate", () => {
    if (!["form", "scripts"].includes(trl.view) || memory.plain(location.search) === last) return;
    last = memory.plain(location.search);
    document.activeElement?.blur?.(); // a field that is being typed into would keep its own text
    trl.state.dirty += 1;
    trl.state.chose = 0;
    wanted = trl.state.dirty;
    trl.touched?.();
    went();
    tell();
  });
  addEventListener("hashchange", tell);

  // What of Gradio's own fields is a choice and no typing.
  const chosen = (event) => { if (event.target.closest?.("#trl-form")) trl.state.chose = Date.now(); };
  document.addEventListener("mousedown", (event) => { if (event.target.closest?.("[role=option]")) chosen(event); }, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.closest?.(".wrap-inner")) chosen(event); }, true);

  return {
    about, write, tell,
    there: () => there,
    linked: () => linked,
    // What the server is asked when the visitor went back or forward.
    opened: () => ({ ...memory.look(location.search), again: true, turn: wanted }),
    // What the server says the form was filled in with, and for which turn.
    take(value) { linked = value.linked; there = value.opened ?? wanted; },
    start(origin) { hub = origin; tell(); },
    onback(call) { went = call; },
    // To go on with one's own run is one's own wish; whatever else its recipe says may be somebody else's.
    own(query) {
      const rest = new URLSearchParams(query);
      rest.delete("resume");
      memory.add(query, rest.toString());
    },
  };
})();
