// What a line of a log says to a person. readable(text) is null where there is nothing to say; bad(text) finds
// errors, aside(text) lines that say nothing by themselves.
trl.log_words = (texts) => {
  // The numbers worth a word in a line, by TRL's names; all others are in the raw log.
  const TOLD = ["loss", "eval_loss", "reward", "rewards/margins", "rewards/accuracies", "accuracy", "margin", "kl", "mean_token_accuracy",
    "completions/mean_length", "train_loss"];
  const BAD = /^Traceback \(most recent|^\s*[\w.]*(?:Error|Exception)\b\s*:|\b(?:ERROR|FATAL|CRITICAL)\b|CUDA out of memory|\berror:|^Killed\b|No space left on device/;
  const LONGEST = 20000;
  const titled = (name) => texts["metric_" + name.replace(/\W/g, "_")] || name;
  const numbers = (metrics) => TOLD.filter((name) => Number.isFinite(metrics?.[name]))
    .map((name) => `${titled(name)} ${trl.digits(metrics[name], 4)}`);
  const SAYS = {
    phase: (event) => "— " + (texts["phase_" + event.phase] || event.phase),
    machine: (event) => [trl.fill(texts.says_machine, { found: event.found }), ...(event.changes || [])].join(" "),
    data: (event) => trl.fill(texts[event.dropped ? "says_data_dropped" : "says_data"], { rows: event.rows, dropped: event.dropped }),
    split: (event) => event.held_out ? trl.fill(texts.says_split, { n: event.train, held: event.held_out }) : null,
    resume: (event) => trl.fill(texts.says_resume, { i: event.step, repo: event.repo }),
    begin: (event) => trl.fill(texts.says_begin, { n: event.total }),
    log: (event) => [trl.fill(texts.says_step, { i: event.step, n: event.total }), ...numbers(event.metrics)].join(" · "),
    save: (event) => trl.fill(texts.says_save, { i: event.step }),
    samples: (event) => trl.fill(texts[event.when === "after" ? "says_after" : "says_before"], { n: (event.rows || []).length }),
    pushed: (event) => trl.fill(texts.says_pushed, { repo: event.repo }),
    done: () => null,
  };
  const ours = (text) => text.startsWith("::trl-space ");
  const cut = (text) => (text.length > LONGEST ? text.slice(0, LONGEST) + trl.fill(texts.line_cut, { n: trl.number(text.length) }) : text);
  // What a line of ours means; everything else is shown as it is, of a line written over itself what was left standing.
  const readable = (text) => {
    if (!ours(text)) return text.includes("\r") ? cut(text.replace(/\r+$/, "").split("\r").pop()) || null : cut(text);
    try {
      const event = JSON.parse(text.slice(12));
      const says = Object.hasOwn(SAYS, event.event) ? SAYS[event.event] : (other) => other.message || null;
      const said = says(event);
      return said === null ? null : cut(String(said));
    } catch {
      return cut(text);
    }
  };
  // Lines of a traceback that only say where something happened, and those of the job's own frame.
  const WHERE = /^(?:Traceback \(most recent|\s+File "|\s*[~^]+\s*$|\s{4,}\S|=====)/;
  const aside = (text) => WHERE.test(text);
  const bad = (text) => (ours(text) ? text.includes('"event": "failed"') : BAD.test(text.slice(0, 2000)));
  return { readable, bad, ours, aside, raw: cut };
};
