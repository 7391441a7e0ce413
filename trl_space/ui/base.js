// What every part of the page shares: making elements from text (never from markup), icons, numbers in words,
// and the registry through which Gradio hands each part its element. Loaded once, before the parts' own files.
window.trl = (() => {
  const parts = {};
  const SVG = "http://www.w3.org/2000/svg";
  // One family: 20 px, stroke 1.7, round ends.
  const ICONS = {
    ok: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4M6.9 10.2l2.2 2.2 4.1-4.5",
    warns: "M10 3.2 17.4 16H2.6zM10 8.2v3.6M10 13.9v.1",
    blocks: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4M7.4 7.4l5.2 5.2M12.6 7.4l-5.2 5.2",
    unknown: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4M10 6.4v4l2.4 1.6",
    asked: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4M7.9 8.1a2.1 2.1 0 1 1 3.1 1.9c-.7.4-1 .8-1 1.6M10 13.9v.1",
    todo: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4",
    search: "M8.8 3.4a5.4 5.4 0 1 1 0 10.8 5.4 5.4 0 0 1 0-10.8M12.8 12.8l3.8 3.8",
    gated: "M5.2 9h9.6v7.4H5.2zM7.2 9V6.6a2.8 2.8 0 0 1 5.6 0V9M10 12v1.4",
    lock: "M5.2 9h9.6v7.4H5.2zM7.2 9V6.6a2.8 2.8 0 0 1 5.6 0V9",
    chat: "M3.4 4.4h13.2v9H9l-3.6 3v-3h-2z",
    table: "M3.2 4.2h13.6v11.6H3.2zM3.2 8.2h13.6M8 8.2v7.6",
    size: "M10 2.8 16.4 6v8L10 17.2 3.6 14V6zM3.6 6 10 9.4 16.4 6M10 9.4v7.8",
    license: "M5.4 2.8h6.2l3 3v11.4H5.4zM8 9.4h4.2M8 12.6h4.2",
    clock: "M10 2.8a7.2 7.2 0 1 1 0 14.4 7.2 7.2 0 0 1 0-14.4M10 6v4.2l2.8 1.8",
    down: "M5.4 7.8 10 12.4l4.6-4.6",
    up: "M5.4 12.2 10 7.6l4.6 4.6",
    left: "M12.2 5.4 7.6 10l4.6 4.6",
    right: "M7.8 5.4l4.6 4.6-4.6 4.6",
    link: "M8.4 11.6a3 3 0 0 0 4.3 0l2.6-2.6a3 3 0 0 0-4.3-4.3l-.9.9M11.6 8.4a3 3 0 0 0-4.3 0L4.7 11a3 3 0 0 0 4.3 4.3l.9-.9",
    code: "M7 6 3 10l4 4M13 6l4 4-4 4",
    copy: "M7.2 7.2h9v9h-9zM4 12.4V3.8h8.6",
    stop: "M5.4 5.4h9.2v9.2H5.4z",
    play: "M6.4 4.2v11.6l9-5.8z",
    download: "M10 3.4v9M6.2 9l3.8 3.8L13.8 9M4 16.4h12",
    out: "M8 4.4H4.4v11.2h11.2V12M11.4 4.4h4.2v4.2M15.4 4.6 9.4 10.6",
    wrap: "M3.4 5.2h13.2M3.4 10h10.2a2.6 2.6 0 0 1 0 5.2h-3M12 13.4l-1.8 1.8 1.8 1.8M3.4 14.8h3",
    user: "M10 3.6a3 3 0 1 1 0 6 3 3 0 0 1 0-6M4.2 16.6a5.8 5.8 0 0 1 11.6 0",
    chip: "M5.4 5.4h9.2v9.2H5.4zM8 8h4v4H8zM8 2.8v2.6M12 2.8v2.6M8 14.6v2.6M12 14.6v2.6M2.8 8h2.6M2.8 12h2.6M14.6 8h2.6M14.6 12h2.6",
    rows: "M3.4 5.2h13.2M3.4 10h13.2M3.4 14.8h13.2",
    star: "M10 3.2l2 4.4 4.8.5-3.6 3.2 1 4.7L10 13.6 5.8 16l1-4.7-3.6-3.2 4.8-.5z",
    close: "M5.4 5.4l9.2 9.2M14.6 5.4l-9.2 9.2",
    again: "M15.8 7.6A6.4 6.4 0 1 0 16.4 11M16 3.8v4h-4",
    share: "M14.4 3.2a2 2 0 1 1 0 4 2 2 0 0 1 0-4M5.6 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4M14.4 12.8a2 2 0 1 1 0 4 2 2 0 0 1 0-4M7.4 9l5.2-2.8M7.4 11l5.2 2.8",
    bell: "M10 3.2a4.6 4.6 0 0 1 4.6 4.6c0 3.6 1.4 5 1.4 5H4s1.4-1.4 1.4-5A4.6 4.6 0 0 1 10 3.2M8.4 15.6a1.7 1.7 0 0 0 3.2 0",
    plus: "M10 4.6v10.8M4.6 10h10.8",
    file: "M5.4 2.8h6.2l3 3v11.4H5.4zM11.4 2.8v3.2h3.2",
    open: "M8 4.4H4.4V8M12 4.4h3.6V8M8 15.6H4.4V12M12 15.6h3.6V12",
  };

  // h("p", {class: "x", onclick: f}, "text", child): attributes are set as such, text becomes text nodes.
  function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name === "value") element.value = value;
      else element.setAttribute(name, value === true ? "" : String(value));
    }
    for (const child of children.flat()) {
      if (child === null || child === undefined || child === false) continue;
      element.append(child.nodeType ? child : document.createTextNode(String(child)));
    }
    return element;
  }

  function svg(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, String(value));
    return element;
  }

  function icon(name) {
    const element = svg("svg", { viewBox: "0 0 20 20", class: "t-icon", "aria-hidden": "true", focusable: "false" });
    element.append(svg("path", { d: ICONS[name] || ICONS.unknown }));
    return element;
  }

  // Only web addresses become links; whatever else a repository claims stays text.
  function safeUrl(url) {
    try {
      const parsed = new URL(url, location.href);
      return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
    } catch {
      return null;
    }
  }

  function fill(text, values) {
    return String(text || "").replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  }

  const bone = (width, height) => h("span", { class: "t-skel", style: `width:${width};height:${height}` });

  function duration(seconds) {
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return `${s} s`;
    const m = Math.floor(s / 60);
    if (m < 60) return m < 10 ? `${m} min ${String(s % 60).padStart(2, "0")} s` : `${Math.round(s / 60)} min`;
    return `${Math.floor(m / 60)} h ${String(m % 60).padStart(2, "0")} min`;
  }

  // Numbers and amounts as the page's language writes them; `figures.py` does the same on the server.
  const language = window.trl_language || "en";
  const writers = new Map();
  function number(value, options) {
    const key = JSON.stringify(options || {});
    if (!writers.has(key)) writers.set(key, new Intl.NumberFormat(language, options));
    return writers.get(key).format(value);
  }
  const digits = (value, n) => value !== 0 && (Math.abs(value) < 1e-6 || Math.abs(value) >= 1e15) ? String(Number(value.toPrecision(n)))
    : number(value, { maximumSignificantDigits: n, useGrouping: false });
  function money(usd) {
    const small = usd > 0 && usd < 0.01;
    const amount = number(small ? 0.01 : usd, { style: "currency", currency: "USD" });
    return small ? fill(trl_words.common.under, { amount }) : amount;
  }

  // Who is at this browser, for what it keeps to itself (recent choices): told by the header, "" when nobody is.
  // `dirty` counts the visitor's changes, `asked` how often the server was sent the whole form. `chose` and `typed` are when
  // something was chosen and typed last, in ms: see address.js. `mend` is the check that the visitor wants mended or looked
  // at anew: kept here, because an answer to something older may replace the summary's value.
  const state = { account: "", dirty: 0, asked: 0, chose: 0, typed: 0, mend: "", listeners: new Set() };

  function recents(kind, add) {
    const key = `trl-space:recent:${kind}:${state.account}`;
    let ids = [];
    try {
      ids = JSON.parse(localStorage.getItem(key) || "[]").filter((id) => typeof id === "string").slice(0, 6);
      if (add) {
        ids = [add, ...ids.filter((id) => id !== add)].slice(0, 6);
        localStorage.setItem(key, JSON.stringify(ids));
      }
    } catch {
      /* A browser that keeps nothing still works. */
    }
    return ids;
  }

  // Our own addresses keep the key that private Spaces add to theirs.
  function route(path, values) {
    const url = new URL(path, document.baseURI);
    const sign = new URLSearchParams(location.search).get("__sign");
    if (sign) url.searchParams.set("__sign", sign);
    for (const [name, value] of Object.entries(values || {})) url.searchParams.set(name, value);
    return url.href;
  }

  // A page of this app: keeps theme and key, drops the rest.
  function page(query) {
    const kept = new URLSearchParams();
    for (const [name, value] of new URLSearchParams(location.search))
      if (name === "__theme" || name === "__sign") kept.append(name, value);
    const rest = [query, kept.toString()].filter(Boolean).join("&");
    return location.pathname + (rest ? "?" + rest : "");
  }

  // The place of the page, for whoever gets a link: nothing of this visit, and above all not the key with which a private
  // Space lets its owner's browser in.
  const here = () => location.origin + location.pathname;

  // The rules of what is read later.
  function style(text) {
    const rules = document.createElement("style");
    rules.textContent = text;
    document.head.append(rules);
  }

  // What was changed a moment ago has to be in the address first: that is what the visitor comes back to.
  async function signIn() {
    await trl.settled?.();
    const here = location.pathname + location.search + location.hash;
    location.assign(route("login/huggingface", { _target_url: here }));
  }

  function signOut() {
    location.assign(route("logout", { _target_url: location.pathname + location.search }));
  }

  // The language is remembered by this browser alone and stands in no address; the page comes back in it. Within the Hub's
  // page a cookie counts only when it is sent there too.
  async function speak(language) {
    await trl.settled?.();
    const where = location.protocol === "https:" ? "SameSite=None; Secure; Partitioned" : "SameSite=Lax";
    document.cookie = `trl_language=${language}; Path=${new URL(document.baseURI).pathname}; Max-Age=31536000; ${where}`;
    location.reload();
  }

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = h("textarea", { class: "t-sr", "aria-hidden": "true" });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  // Moves to the part that a check speaks of and puts the cursor there.
  function go(id) {
    const target = document.getElementById(id);
    if (!target) return;
    document.getElementById("trl-side")?.classList.remove("t-open");
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    target.scrollIntoView({ behavior: calm ? "auto" : "smooth", block: "center" });
    const first = target.querySelector("input:not([disabled]), textarea, select, [role=radio][tabindex='0'], button, a");
    first?.focus({ preventScroll: true });
  }

  // What a part holds when the visitor changes it while the page is being asked: an answer to an older question, which its
  // `turn` tells, does not take the change back. Gives a function to set the value, and one to call when another arrives.
  function own(props) {
    let mine = null;
    const set = (value) => {
      // What a part makes of typing comes soon after it.
      trl.touch(Date.now() - state.typed < 1200);
      mine = { ...value, turn: state.dirty };
      props.value = mine;
    };
    const arrived = () => {
      if (mine && (props.value?.turn ?? Infinity) < mine.turn) props.value = mine;
    };
    return { set, arrived };
  }

  // What goes to the server with the values of the form: the memory of what the page showed last (launch.js), and of the
  // mapping part (at `place`) and the summary (the one `behind` the fields) only what the visitor chose.
  // On the Scripts page the text of the script (at `text`) is what is looked at from now on, and what would run.
  function send(all, place, text, behind) {
    trl.note();
    const kept = { turn: state.dirty, nth: (state.asked += 1), there: trl.address.there(), view, linked: trl.address.linked(), locks: trl.locks(), filled: trl.filled() };
    for (const name of ["trainer", "preset", "named", "settings", "extra", "follow", "unsaid"]) kept[name] = (trl.remembered ?? all[0])?.[name];
    if (view === "scripts") {
      trl.scripts.sent(all[text]);
      kept.arguments = trl.scripts.arguments;
    }
    const brief = (value, i) => {
      if (i === place) return { choices: value?.choices, for: value?.for };
      return i === behind ? { mend: state.mend } : value;
    };
    return [kept, ...all.slice(1).map((value, i) => brief(value, i + 1))];
  }

  // The words of a part: its own, and those that all have.
  const words = (name) => ({ ...trl_words.common, ...trl_words[name] });

  // What a part may call. Gradio gives nothing at all when a connection was cut in the middle of an answer.
  const answered = (server) => Object.fromEntries(Object.entries(server || {}).map(([name, call]) => [name, async (asked) => {
    const answer = await call(asked);
    if (answer === undefined || answer === null) throw new Error("no answer");
    return answer;
  }]));

  // After everything that the browser does now; a timer would take its least of some milliseconds each time.
  const { port1, port2 } = new MessageChannel(), later = [];
  port1.onmessage = () => later.shift()();
  function soon(call) {
    later.push(call);
    port2.postMessage(null);
  }

  // Parts are made, and told news, a few at a time: all at once would hold up the page for as long as it takes to see it.
  const waiting = [];
  let made = false;
  function bit(call) {
    if (waiting.includes(call)) return;
    waiting.push(call);
    if (waiting.length === 1) soon(run);
  }
  function run() {
    const until = performance.now() + 25;
    while (waiting.length && performance.now() < until) {
      const make = waiting[0];
      try { make(); } catch (error) { console.error("Error executing js_on_load:", error); }
      waiting.shift();
    }
    if (waiting.length) return soon(run);
    if (made) document.querySelectorAll("#trl-form .info-text").forEach(describe);
    made = false;
  }

  // The sentence below one of Gradio's own fields belongs to the field, also for who only hears it.
  function describe(sentence) {
    const block = sentence.closest(".block[id]"), field = block?.querySelector("input, textarea");
    if (!field) return;
    sentence.id = `${block.id}-help`;
    field.setAttribute("aria-describedby", sentence.id);
  }
  // A field that was not there from the start.
  document.addEventListener("focusin", (event) => event.target.closest?.("#trl-form .block[id]")?.querySelectorAll(".info-text").forEach(describe));

  // What a part sees of Gradio: what it was told comes as one text (part.py), [a number, {name: value}], and stays here.
  function told(props, watch, known) {
    const watchers = [];
    let text = "", changed = [];
    const look = () => {
      if (!props.told || props.told === text) return known;
      text = props.told;
      for (const [name, value] of Object.entries(JSON.parse(text)[1])) {
        if (JSON.stringify(value) !== JSON.stringify(known[name])) changed.push(name);
        known[name] = value;
      }
      return known;
    };
    look();
    changed = [];
    watch("told", () => {
      look();
      const news = changed;
      changed = [];
      for (const [names, call] of watchers) if (names.some((name) => news.includes(name))) bit(call);
    });
    return {
      props: new Proxy(known, {
        get: (_, name) => (name in look() ? known[name] : props[name]),
        set: (_, name, value) => { (name in look() ? known : props)[name] = value; return true; },
      }),
      watch(names, call) {
        watchers.push([[names].flat(), call]);
        if (!("value" in known) && [names].flat().includes("value")) watch("value", call);
      },
    };
  }

  // What tells a part something without asking the server, in the form in which Gradio passes on what the server tells.
  let told_here = 0;
  const news = (given) => ({ __type__: "update", props: { told: JSON.stringify([`here ${(told_here += 1)}`, given]) } });

  function mount(name, said, given, element, props, trigger, server, watch) {
    const start = parts[name];
    if (!start) throw new Error(`no part named ${name}`);
    bit(() => {
      element.replaceChildren();
      start({ element, trigger, server: answered(server), texts: words(said), ...told(props, watch, given) });
      made = true;
    });
  }

  // All parts are known: those that Gradio has made already come first.
  function begin() {
    const made = window.trl_mount.waiting ?? [];
    window.trl_mount = mount;
    made.forEach((part) => mount(...part));
  }

  // Which view: the address alone says so, and the page's head has read it (opened.js).
  const view = document.documentElement.dataset.view || "form";

  return { parts, begin, news, h, svg, icon, safeUrl, fill, bone, duration, number, digits, money, state, recents, route, page, here, style, signIn, signOut, speak, copy, go, own, send, soon, view };
})();
