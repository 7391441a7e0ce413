// What the machine is doing, in one line with a small picture of how busy it was. Nothing is shown without a sample.
// add(samples): [t, gpu %, GPU memory GiB, of GiB, CPU %, memory GiB, of GiB], oldest first, null for what is not there;
// over(): the run ended, so the line says what it was at most.
trl.hardware = (texts) => {
  const { h } = trl;
  const KEPT = 3600;
  let samples = [], ended = false;
  const words = h("span", { class: "t-hardware-words t-num" });
  const picture = h("span", { class: "t-hardware-picture" });
  const whole = h("div", { class: "t-hardware", id: "trl-run-hardware", hidden: true }, h("span", { class: "t-hardware-head" }, trl.icon("chip"), words), picture);

  const number = (value) => { const n = value >= 10 ? 0 : 1; return trl.number(value, { minimumFractionDigits: n, maximumFractionDigits: n }); };
  // The newest of a column while it runs, the highest afterwards.
  const value = (column) => {
    const some = samples.map((one) => one[column]).filter(Number.isFinite);
    if (!some.length) return null;
    return ended ? some.reduce((high, v) => Math.max(high, v), 0) : samples[samples.length - 1][column] ?? null;
  };
  const amount = (used, all) => all === null ? `${number(used)} GiB` : trl.fill(texts.memory_of, { used: number(used), all: number(all) });
  const draw = () => {
    const [gpu, gpuUsed, gpuAll, cpu, used, all] = [1, 2, 3, 4, 5, 6].map(value);
    const said = [];
    if (gpu !== null) said.push(trl.fill(texts.gpu_busy, { n: Math.round(gpu) }));
    if (gpuUsed !== null) said.push(trl.fill(texts.gpu_memory, { amount: amount(gpuUsed, gpuAll) }));
    if (cpu !== null) said.push(trl.fill(texts.cpu_busy, { n: Math.round(cpu) }));
    if (used !== null) said.push(trl.fill(texts.memory, { amount: amount(used, all) }));
    whole.hidden = !said.length;
    words.textContent = (ended ? [texts.at_most_was] : []).concat(said.join(" · ")).join(" ");
    const column = samples.some((one) => Number.isFinite(one[1])) ? 1 : 4;
    const busy = samples.filter((one) => Number.isFinite(one[column])).map((one) => [one[0], one[column]]);
    picture.title = column === 1 ? texts.gpu_picture : texts.cpu_picture;
    picture.replaceChildren(trl.curves.spark(busy, 160, 28, Math.max(100, ...trl.curves.thin(busy, 100).map((p) => p[1]))));
  };
  return {
    element: whole,
    add(fresh) {
      const last = samples.length ? samples[samples.length - 1][0] : -Infinity;
      const good = fresh.filter((one) => Array.isArray(one) && one[0] > last);
      if (!good.length) return;
      samples = samples.concat(good).slice(-KEPT);
      draw();
    },
    over() {
      if (ended || !samples.length) return;
      ended = true;
      draw();
    },
  };
};
