// Arithmetic of curves, for drawing: points are [x, y] with rising x.
trl.curves = (() => {
  // At most `most` points that look like all of them (largest triangle, three buckets: Steinarsson 2013). The first,
  // the last, the lowest and the highest point are always among them.
  function thin(points, most) {
    const n = points.length;
    if (n <= most) return points;
    const buckets = Math.max(1, most - 4);
    const size = (n - 2) / buckets;
    const start = (i) => 1 + Math.floor(i * size);
    const kept = new Set([0, n - 1]);
    let last = 0;
    for (let i = 0; i < buckets; i++) {
      const from = start(i + 1), to = Math.min(start(i + 2), n);
      let x = 0, y = 0;
      for (let j = from; j < to; j++) { x += points[j][0]; y += points[j][1]; }
      const many = to - from;
      [x, y] = many > 0 ? [x / many, y / many] : points[n - 1];
      let best = start(i), area = -1;
      for (let j = start(i); j < from && j < n - 1; j++) {
        const [a, b] = points[last];
        const size = Math.abs((a - x) * (points[j][1] - b) - (a - points[j][0]) * (y - b));
        if (size > area) { area = size; best = j; }
      }
      kept.add(best);
      last = best;
    }
    let low = 0, high = 0;
    points.forEach((point, i) => {
      if (point[1] < points[low][1]) low = i;
      if (point[1] > points[high][1]) high = i;
    });
    return [...kept.add(low).add(high)].sort((a, b) => a - b).map((i) => points[i]);
  }

  // The same curve without its noise: each value is the mean of those around it, about a thirtieth of all.
  function smooth(points) {
    const around = Math.ceil(points.length / 60);
    const sums = [0];
    for (const [, y] of points) sums.push(sums[sums.length - 1] + y);
    return points.map(([x], i) => {
      const from = Math.max(0, i - around), to = Math.min(points.length, i + around + 1);
      return [x, (sums[to] - sums[from]) / (to - from)];
    });
  }

  // The place of the point whose x is nearest to `x`.
  function nearest(points, x) {
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < x) low = middle + 1;
      else high = middle;
    }
    return low > 0 && x - points[low - 1][0] < points[low][0] - x ? low - 1 : low;
  }

  // A small picture without axes, `width` x `height` px; `most` is the value at its top.
  function spark(points, width, height, most, kind) {
    const drawn = trl.svg("svg", { viewBox: `0 0 ${width} ${height}`, class: `t-spark ${kind || ""}`, width, height,
      "aria-hidden": "true", preserveAspectRatio: "none" });
    if (points.length < 2) return drawn;
    const some = thin(points, Math.round(width));
    const first = some[0][0], across = some[some.length - 1][0] - first || 1;
    const top = most || some.reduce((high, p) => Math.max(high, p[1]), 0) || 1;
    const spot = ([x, y]) => `${(((x - first) / across) * width).toFixed(1)} ${(height - 1 - (Math.min(y, top) / top) * (height - 2)).toFixed(1)}`;
    const path = some.map((p, i) => (i ? "L" : "M") + spot(p)).join("");
    drawn.append(trl.svg("path", { d: `${path}L${width} ${height}L0 ${height}Z`, class: "t-spark-area" }),
      trl.svg("path", { d: path, class: "t-spark-line" }));
    return drawn;
  }
  return { thin, smooth, nearest, spark };
})();
