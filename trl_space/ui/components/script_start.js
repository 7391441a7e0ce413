// How a script is started: packages, Python, arguments, image, secrets, and what is folded: variables, volumes, labels.
// value: {args: text, dependencies: [], python, image, env: [[name, value]], secrets: [[name, typed]], labels, volumes: [text], token: "" | "own"}.
// read: what the script itself says, {dependencies: null | [], python, jobs: [[word, value, counts]], form: name, arguments: [...]}; null while
// there is no script. Arguments are many, so they come once: `trl.scripts.arguments` says whose are here. images: {uv, trl}, their names. page: where the Hub makes tokens. Whatever is changed triggers `choose`; `header` asks for the
// script with other packages in its header.
trl.parts.script_start = ({ element, props, trigger, server, watch, texts }) => {
  if (trl.view !== "scripts") return;
  const { h, icon, fill } = trl;
  const mine = trl.own(props);
  let timer = null, known = [];
  const value = () => props.value || {};
  const say = (part, wait = 300) => {
    mine.set({ ...value(), ...part });
    typed = bare();
    paint();
    clearTimeout(timer);
    timer = setTimeout(() => trigger("choose"), wait);
  };
  const block = (id, title, note, ...children) => h("section", { class: "t-start-block", id: `trl-script-${id}` }, h("h3", { class: "t-label" }, title),
    note ? h("p", { class: "t-small" }, note) : null, ...children);

  // --- packages: the script's own, which are part of its text, and those that are added for this run ---
  const words = (what) => ({ label: texts[what], add: texts.add, hint: texts.package_hint, remove: texts.package_remove });
  const inside = trl.script_lists.chips({ id: "trl-script-inside", words: words("packages_inside"), changed: async (names) => {
    let answer;
    try { answer = await server.header({ text: trl.scripts.text, dependencies: names }); } catch { answer = { problem: texts.lost }; }
    headerWhy.textContent = answer.problem || "";
    if (answer.text === undefined) return inside.set(props.read?.dependencies || []);
    trl.touch();
    trl.scripts.put(answer.text);
  } });
  const headerWhy = h("p", { class: "t-setting-wrong", role: "alert" });
  const beside = trl.script_lists.chips({ id: "trl-script-with", words: words("packages_with"), changed: (names) => say({ dependencies: names }) });
  const insideBox = h("div", { class: "t-start-part" }, h("h4", { class: "t-small" }, texts.packages_inside), inside.element, headerWhy);
  const python = h("input", { class: "t-input t-mono", id: "trl-script-python", type: "text", autocomplete: "off", spellcheck: "false",
    oninput: () => say({ python: python.value.trim() }) });
  const packages = block("packages", texts.packages, texts.packages_note, h("div", { class: "t-start-packages" }, insideBox,
    h("div", { class: "t-start-part" }, h("h4", { class: "t-small" }, texts.packages_with), beside.element),
    h("div", { class: "t-start-part" }, h("label", { class: "t-small", for: "trl-script-python" }, texts.python), python)));

  // --- arguments ---
  const args = trl.script_args({ texts, changed: (text) => say({ args: text }) });
  const argsBlock = block("args", texts.args, texts.args_note, args.element);

  // --- image ---
  const WAYS = ["uv", "trl", "other", "space"];
  const SPACE = /^(https:\/\/)?(huggingface\.co|hf\.co)\/spaces\//;
  const wayOf = (image) => (!image ? "uv" : image === "trl" || /^huggingface\/trl(:|$)/.test(image) ? "trl" : SPACE.test(image) ? "space" : "other");
  let way = "uv";
  const imageField = h("input", { class: "t-input t-mono", id: "trl-script-image-name", type: "text", autocomplete: "off", spellcheck: "false", autocapitalize: "none",
    oninput: () => say({ image: way === "space" ? (imageField.value.trim() ? "hf.co/spaces/" + imageField.value.trim().replace(SPACE, "") : "") : imageField.value.trim() }) });
  const ways = h("div", { class: "t-cards t-cards-method t-cards-image", role: "radiogroup", "aria-label": texts.image });
  const imageNote = h("p", { class: "t-small" });
  const choose = (next) => {
    way = next;
    imageField.value = "";
    say({ image: { uv: "", trl: "trl" }[next] || "" }, 0);
    paintImage();
    (imageField.hidden ? ways.querySelector("[aria-checked=true]") : imageField).focus();
  };
  const paintImage = () => {
    const image = value().image || "";
    ways.replaceChildren(...WAYS.map((one) => h("button", { type: "button", class: "t-choice", role: "radio", "data-id": one, "aria-checked": String(one === way),
      tabindex: one === way ? 0 : -1, onclick: () => choose(one) }, h("span", { class: "t-choice-title" }, texts["image_" + one]))));
    imageField.hidden = way === "uv" || way === "trl";
    imageField.placeholder = texts[way === "space" ? "image_space_hint" : "image_other_hint"];
    imageField.setAttribute("aria-label", texts["image_" + way]);
    imageNote.textContent = !props.images?.uv ? "" : fill(texts[`image_${way}_note`], { name: way === "trl" && image && image !== "trl" ? image : props.images?.[way] || "" });
  };
  ways.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(WAYS[(WAYS.indexOf(way) + step + WAYS.length) % WAYS.length]);
    ways.querySelector("[aria-checked=true]").focus();
  });
  const image = block("image", texts.image, null, ways, imageField, imageNote);

  // --- secrets ---
  const secrets = trl.script_secrets({ texts, changed: (part) => say(part) });
  const secretsBlock = block("secret", texts.secrets, texts.secrets_note, secrets.element);

  // --- what is folded ---
  const rowTexts = (what) => ({ add: texts[`${what}_add`], of: texts.of, row: texts.row, remove: texts.row_remove });
  const pairs = (what, hint) => trl.script_lists.rows({ id: `trl-script-${what}`, words: rowTexts(what), fresh: { name: "", value: "" },
    columns: [{ name: "name", label: texts.name, kind: "text", hint, wide: true }, { name: "value", label: texts.value, kind: "text", wide: true }],
    changed: (items) => say({ [what]: items.map((one) => [one.name.trim(), one.value]) }) });
  const env = pairs("env", "SEED"), labels = pairs("labels", "team");
  // hf://datasets/owner/name@revision/path:/where:ro; what the fields cannot say stays as it is written.
  const KINDS = [["models", texts.volume_model], ["datasets", texts.volume_dataset], ["buckets", texts.volume_bucket], ["spaces", texts.volume_space]];
  const read = (text) => {
    const found = /^hf:\/\/(?:(models|datasets|spaces|buckets)\/)?([^:]*):(.*?)(?::(ro|rw))?$/.exec(text);
    return found ? { kind: found[1] || "models", source: found[2], mount: found[3], ro: found[4] !== "rw" } : { kind: "models", source: text, mount: "", ro: true };
  };
  const write = ({ kind, source, mount, ro }) => (source.trim() || mount.trim()
    ? `hf://${kind}/${source.trim()}:${mount.trim()}:${kind === "buckets" && ro === false ? "rw" : "ro"}` : "");
  const volumes = trl.script_lists.rows({ id: "trl-script-volumes", words: rowTexts("volumes"), fresh: { kind: "datasets", source: "", mount: "/data", ro: true },
    columns: [{ name: "kind", label: texts.volume_kind, kind: "select", options: KINDS }, { name: "source", label: texts.volume_source, kind: "text", hint: "owner/name", wide: true },
      { name: "mount", label: texts.volume_mount, kind: "text", hint: "/data" },
      { name: "ro", label: texts.volume_ro, kind: "switch", off: (item) => item.kind !== "buckets" }],
    changed: (items) => say({ volumes: items.map(write) }) });
  const folds = ["volumes", "env", "labels"].map((what) => {
    const count = h("span", { class: "t-badge t-mark t-num" });
    const body = { volumes, env, labels }[what];
    const whole = h("details", { class: "t-start-fold", id: `trl-script-${what}-box` }, h("summary", {}, h("span", {}, texts[what]), count),
      h("p", { class: "t-small" }, texts[`${what}_note`]), body.element);
    return { what, count, whole };
  });

  // --- what the header of the script says about the job ---
  const jobs = h("div", { class: "t-start-jobs", id: "trl-script-jobs", hidden: true });
  const paintJobs = () => {
    const rows = props.read?.jobs || [];
    jobs.hidden = !rows.length;
    jobs.replaceChildren(h("h3", { class: "t-label" }, texts.jobs), h("p", { class: "t-small" }, texts.jobs_note), h("dl", {}, rows.flatMap(([word, text, counts]) => [
      h("dt", { class: "t-mono" }, word), h("dd", {}, h("span", { class: "t-mono" }, text), counts ? null : h("span", { class: "t-small" }, " " + texts.jobs_over))])));
  };

  element.append(h("div", { class: "t-start-form" }, jobs, packages, argsBlock, image, secretsBlock, h("div", { class: "t-start-folds" }, folds.map((one) => one.whole))));

  // What is shown in the fields follows the value, but for what was just typed there.
  const fields = () => {
    const now = value();
    beside.set(now.dependencies || []);
    python.value = now.python || "";
    way = wayOf(now.image || "");
    imageField.value = (now.image || "").replace(way === "space" ? SPACE : "", "");
    secrets.set(now.secrets || [], now.token, props.page || "");
    env.set((now.env || []).map(([name, text]) => ({ name, value: text })));
    labels.set((now.labels || []).map(([name, text]) => ({ name, value: text })));
    volumes.set((now.volumes || []).map(read));
    for (const { what, whole } of folds) if ((now[what] || []).some(Boolean)) whole.open = true;
  };
  const paint = () => {
    const now = value();
    if (props.read?.arguments) [known, trl.scripts.arguments] = [props.read.arguments, props.read.form];
    inside.set(props.read?.dependencies || []);
    insideBox.hidden = !props.read;
    python.placeholder = props.read?.python || texts.python_hint;
    secrets.need(props.read?.secrets || []);
    args.set(now.args || "", props.read ? known : []);
    for (const { what, count } of folds) {
      const many = (now[what] || []).filter((one) => (Array.isArray(one) ? one[0] : one)).length;
      count.hidden = !many;
      count.textContent = many;
    }
    paintImage();
    paintJobs();
    for (const one of [packages, argsBlock]) one.hidden = Boolean(props.command);
  };
  const bare = () => JSON.stringify({ ...value(), turn: 0 });
  let typed = "";
  const arrive = () => {
    mine.arrived();
    if (bare() !== typed) { typed = bare(); fields(); }
    paint();
  };
  arrive();
  watch("value", arrive);
  watch(["read", "images", "page", "command"], () => { secrets.set(value().secrets || [], value().token, props.page || ""); paint(); });
};
