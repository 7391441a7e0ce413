// Three small runs to begin with, above the empty form: what each teaches and what it costs today. Each is a link that
// fills the form in and starts nothing. What the call gives is in `ui/my_runs.py` ("first"). Asked for when the page is
// drawn and has nothing else to do.
trl.parts.first = ({ element, server, texts }) => {
  const { h, icon } = trl;
  if (trl.view !== "form" || document.documentElement.dataset.filled !== "none") return;
  const list = h("ul", { class: "t-begin-list", "aria-busy": "true" }, [1, 2, 3].map(() => h("li", {},
    h("span", { class: "t-begin-card" }, trl.bone("85%", "18px"), trl.bone("50%", "15px")))));
  const note = h("span", { class: "t-small", role: "status" }, texts.first_note);
  const slow = setTimeout(() => { note.textContent = texts.first_wait; }, 3000);
  element.append(h("section", { class: "t-begin", "aria-label": texts.first_title },
    h("p", {}, h("strong", {}, texts.first_title), " ", note), list));
  const begin = async () => {
    let answer;
    try { answer = await server.first({}); } catch { answer = {}; }
    clearTimeout(slow);
    const runs = answer.runs || [];
    note.textContent = runs.length ? texts.first_note : answer.problem || texts.lost;
    list.setAttribute("aria-busy", "false");
    list.replaceChildren(...runs.map((run) => h("li", {}, h("a", { class: "t-begin-card", href: trl.page(run.query) },
      h("span", { class: "t-begin-title" }, run.title), h("span", { class: "t-begin-price t-num" }, run.price,
        h("span", { class: "t-small" }, run.time)), icon("right")))));
  };
  if (window.requestIdleCallback) requestIdleCallback(begin, { timeout: 2000 }); else setTimeout(begin, 500);
};
