// Public models that were trained with TRL in jobs, as cards: what each was trained from, and its recipe to take along.
// What the call takes and gives is in `ui/gallery.py`; a model is {id, owner, name, url, ours, goal, when, likes, downloads,
// base: {id, url} | null, dataset: {id, url} | null, offer: "recipe" | "dataset" | "model" | "", query}. goals: [[id, words]].
// A link into the form is made from `query`, which the server wrote; nothing that a card says becomes an address of ours.
trl.parts.gallery = ({ element, props, server, texts }) => {
  const { h, icon } = trl;
  if (trl.view !== "gallery") return;
  const OFFERS = { recipe: texts.own, dataset: texts.on_dataset, model: texts.on_model };
  const aloud = h("span", { class: "t-sr", role: "status", id: "trl-gallery-aloud" });
  const tell = (text) => { aloud.textContent = text; };

  // --- which are shown ---
  const { empty, button } = trl.lists;
  const select = (name, choices) => trl.lists.choice(`trl-gallery-${name}`, texts["filter_" + name], choices, () => { keep(); begin(true); });
  const sort = select("sort", [["newest", texts.newest], ["likes", texts.most_liked], ["downloads", texts.most_downloaded]]);
  const goal = select("goal", [["", texts.all_goals], ...(props.goals || [])]);
  const made = select("made", [["", texts.made_any], ["ours", texts.made_here]]);
  const boxes = { sort: sort.box, goal: goal.box, made: made.box };
  const filters = h("div", { class: "t-runs-filters", role: "search", "aria-label": texts.filters }, sort.field, goal.field, made.field);
  // Kept with this entry of the browser's history, as in the list of runs.
  const keep = () => history.replaceState({ ...history.state, gallery: Object.fromEntries(Object.entries(boxes).map(([name, box]) => [name, box.value])) }, "");
  for (const [name, box] of Object.entries(boxes)) {
    const value = history.state?.gallery?.[name];
    if ([...box.options].some((one) => one.value === value)) box.value = value;
  }

  // --- a model ---
  const out = (url, text, more) => (trl.safeUrl(url) ? h("a", { href: trl.safeUrl(url), target: "_blank", rel: "noopener", ...more }, text) : h("span", more, text));
  const from = (what, repo) => (repo ? [h("dt", {}, what), h("dd", {}, out(repo.url, repo.id))] : []);
  const figure = (sign, number, word) => (number ? h("span", { class: "t-num" }, icon(sign), number, h("span", { class: "t-sr" }, " " + word)) : null);
  const card = (model) => h("li", { class: "t-gallery-card", "data-model": model.id },
    h("h2", {}, out(model.url, model.name || model.id, { class: "t-gallery-name" })),
    h("p", { class: "t-small t-gallery-line" }, h("span", {}, [model.owner && trl.fill(texts.by, { name: model.owner }), model.when].filter(Boolean).join(" · ")),
      h("span", { class: "t-gallery-figures" }, figure("star", model.likes, texts.likes), figure("download", model.downloads, texts.downloads))),
    h("p", { class: "t-gallery-badges" }, model.goal ? h("span", { class: "t-badge" }, model.goal) : null,
      model.ours ? h("span", { class: "t-badge t-mark" }, texts.name) : null),
    model.base || model.dataset ? h("dl", { class: "t-gallery-from" }, from(texts.base, model.base), from(texts.dataset, model.dataset))
      : h("p", { class: "t-small" }, texts.from_unknown),
    model.query && OFFERS[model.offer] ? h("a", { class: `t-btn${model.offer === "recipe" ? " t-primary" : ""}`, href: trl.page(model.query),
      "aria-label": `${OFFERS[model.offer]}: ${model.id}` }, OFFERS[model.offer], icon("right")) : null);

  // --- the list ---
  const all = new Map();
  let cursor = "", turn = 0;
  const list = h("ul", { class: "t-gallery", id: "trl-gallery" });
  const bones = () => [1, 2, 3, 4, 5, 6].map(() => h("li", { class: "t-gallery-card t-gallery-bone" },
    trl.bone("70%", "20px"), trl.bone("45%", "15px"), trl.bone("90%", "15px"), trl.bone("80%", "15px")));
  const wait = h("p", { class: "t-small t-gallery-wait", role: "status" });
  const place = h("div", { "aria-busy": "true" });
  const more = h("button", { type: "button", class: "t-btn", id: "trl-gallery-more", hidden: true, onclick: async () => {
    const before = all.size;
    if (!(await ask())) return;
    // The button may be gone; who used it goes on at the first model that is new.
    if (document.activeElement === document.body) list.children[before]?.querySelector("a")?.focus();
  } }, texts.more);
  const problem = h("p", { class: "t-small t-gallery-problem" });
  const filtered = () => Boolean(goal.box.value || made.box.value);

  async function ask(first) {
    const mine = turn;
    more.disabled = true;
    more.textContent = texts.waiting;
    const slow = setTimeout(() => { wait.textContent = texts.slow; }, 3000);
    let answer;
    try {
      answer = await server.gallery({ sort: sort.box.value, goal: goal.box.value, ours: made.box.value === "ours", cursor: first ? "" : cursor });
    } catch {
      answer = { problem: texts.lost };
    }
    clearTimeout(slow);
    if (mine !== turn) return null;
    wait.textContent = "";
    place.setAttribute("aria-busy", "false");
    more.disabled = false;
    more.textContent = texts.more;
    problem.textContent = "";
    if (answer.problem && !first) {
      problem.textContent = answer.problem;
      tell(answer.problem);
      return null;
    }
    if (answer.problem) {
      more.hidden = true;
      place.replaceChildren(empty("blocks", null, answer.problem, button(texts.again, () => begin(true))));
      tell(answer.problem);
      return null;
    }
    if (first) list.replaceChildren();
    const fresh = (answer.models || []).filter((model) => !all.has(model.id));
    for (const model of fresh) all.set(model.id, model);
    list.append(...fresh.map(card));
    cursor = answer.cursor || "";
    more.hidden = !cursor;
    if (!all.size && !cursor) {
      place.replaceChildren(filtered()
        ? empty("search", null, texts.none_found, button(texts.clear, clear))
        : empty("rows", texts.none, texts.none_text, h("a", { class: "t-btn", href: trl.page("") }, texts.none_first)));
    } else if (first) place.replaceChildren(list);
    return answer;
  }
  async function begin(said) {
    turn += 1;
    all.clear();
    cursor = "";
    more.hidden = true;
    problem.textContent = "";
    list.replaceChildren(...bones());
    place.setAttribute("aria-busy", "true");
    place.replaceChildren(list);
    if ((await ask(true)) && said) tell(all.size === 1 ? texts.shown_one : trl.fill(texts.shown, { n: all.size }));
  }
  function clear() {
    goal.box.value = made.box.value = "";
    keep();
    begin(true);
    goal.box.focus();
  }

  element.append(h("div", { class: "t-card" },
    h("h1", { class: "t-title" }, texts.title), h("p", { class: "t-gallery-about" }, texts.about),
    filters, place, wait, problem, h("div", { class: "t-runs-more" }, more), aloud));
  begin(false);
};
