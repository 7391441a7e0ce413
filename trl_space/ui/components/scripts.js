// What the parts of the Scripts page share: the text that was looked at last, which is the one that would run, and what
// is kept in this tab of a text that no address holds, so that signing in or reloading the page does not lose it.
trl.scripts = (() => {
  const KEY = "trl-space:script";
  let coming = null; // a text on its way into the editor
  const hex = (bytes) => [...new Uint8Array(bytes)].map((one) => one.toString(16).padStart(2, "0")).join("");
  const MOST = 8, LONGEST = 2000000; // texts, and characters of all of them
  const kept = () => {
    try { return JSON.parse(sessionStorage.getItem(KEY)) || []; } catch { return []; }
  };
  const keep = (text) => {
    let room = LONGEST;
    const texts = [text, ...kept().filter((one) => one !== text)].slice(0, MOST).filter((one) => (room -= one.length) > 0);
    try { sessionStorage.setItem(KEY, JSON.stringify(texts)); } catch { /* It is in the editor, until the page is left. */ }
  };
  return {
    text: "",
    name: "", // of the file that was chosen last
    arguments: "", // the name of the arguments that are here
    keep,
    // What is sent to be looked at.
    sent(text) {
      this.text = typeof text === "string" ? text : "";
      if (this.text.trim()) keep(this.text);
    },
    // The text with this sha256 that was kept, null when there is none.
    async draft(sha256) {
      for (const text of sha256 && crypto.subtle ? kept() : [])
        if (hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))) === sha256) return text;
      return null;
    },
    // Opens this page with a text of the visitor's own.
    open({ text, query }) {
      keep(text);
      window.trl_written.add(query, "");
      location.assign(trl.page(query));
    },
    // Puts a text into the editor: `bring` is the source part's own.
    put(text) {
      coming = text;
      this.bring?.();
    },
    take() {
      const text = coming ?? this.text;
      coming = null;
      return text;
    },
    bring: null,
    // Takes it that the text has an address now, {address, sha256}: the source part's own.
    named: null,
    // The values of the secrets, from their fields: they are nowhere else. `forget` empties the fields.
    secrets: () => ({}),
    forget: () => {},
  };
})();
