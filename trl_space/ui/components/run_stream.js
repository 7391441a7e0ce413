// The news of one run, one event after the other. It goes on by itself where it stopped: after a connection that was cut
// or died in silence, a server that was started again, and one that says no for now.
// trl.run_stream(texts, address, next, { update, end, refused, lost }): next() is the number of the line that is wanted
// next; refused(sentence, kind) is what waiting does not mend; lost(sentence) is tried again, and "" when it is over.
trl.run_stream = (texts, address, next, tell) => {
  const { PAUSE, lasts } = trl.run_stream;
  const PATIENCE = 4000; // a connection that is back by then is not spoken of
  const SILENCE = 45000; // the server says something three times in that time
  let source = null, over = false, heard = 0, hurt = 0, timer = 0;

  const open = () => trl.route(`${address}/events`, { start: next() });
  const finish = () => {
    over = true;
    source?.close();
    clearTimeout(hurt);
    clearTimeout(timer);
    clearInterval(watch);
  };
  const well = () => {
    heard = Date.now();
    clearTimeout(hurt);
    hurt = 0;
    tell.lost("");
  };
  const missing = () => { if (!hurt) hurt = setTimeout(() => tell.lost(texts.away), PATIENCE); };
  const later = () => { timer = setTimeout(listen, PAUSE); };

  // Why no stream opens is said by the same address, read as an answer.
  async function why() {
    const stop = new AbortController();
    try {
      const reply = await fetch(open(), { signal: stop.signal });
      return reply.ok ? null : await reply.json();
    } catch {
      return { problem: "", kind: "lost" };
    } finally {
      stop.abort();
    }
  }
  const met = ({ problem, kind }) => {
    if (lasts(kind)) {
      finish();
      return tell.refused(problem, kind);
    }
    if (problem) tell.lost(problem);
    else missing();
    return later();
  };

  function listen() {
    if (over) return;
    clearTimeout(timer);
    source?.close();
    heard = Date.now();
    source = new EventSource(open());
    source.onopen = well;
    source.addEventListener("update", (event) => { well(); tell.update(JSON.parse(event.data)); });
    source.addEventListener("end", (event) => { well(); finish(); tell.end(JSON.parse(event.data)); });
    source.addEventListener("problem", (event) => { source.close(); met(JSON.parse(event.data)); });
    source.onerror = async () => {
      if (over) return;
      missing();
      if (source.readyState !== EventSource.CLOSED) return;  // the browser tries again
      const answer = await why();
      if (over) return;
      if (answer) met(answer);
      else later();
    };
  }
  // A connection may die without a word, for instance while a telephone sleeps.
  const watch = setInterval(() => { if (source && Date.now() - heard > SILENCE) listen(); }, 5000);
  listen();
};
// Milliseconds before the next try, when the browser makes none by itself.
trl.run_stream.PAUSE = 3000;
// Whether a problem of this kind is one that waiting does not mend.
trl.run_stream.lasts = (kind) => ["signin", "forbidden", "not_found", "gated", "payment", "invalid"].includes(kind);
