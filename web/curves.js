// Curves over seeds, as `matchbox plot` draws them: mean and 95 % t interval at common steps.
"use strict";

const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a89800"]; // Okabe-Ito; grey for black
const POINTS = 240;
const T = [0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042];
const quantile = df => df < T.length ? T[df] : 1.96 + 2.4 / df;

function valueAt(p, x, from) { // p: [[x, y], ...]; from: index to begin at, steps only go forward
  let i = from.i;
  while (i < p.length - 1 && p[i + 1][0] < x) i++;
  from.i = i;
  if (i === p.length - 1 || x <= p[i][0]) return p[i][1];
  const f = (x - p[i][0]) / (p[i + 1][0] - p[i][0]);
  return p[i][1] + f * (p[i + 1][1] - p[i][1]);
}

// seeds: list of point lists.  Returns {mean, low, high}: points {x, y}.
function average(seeds) {
  const from = Math.max(...seeds.map(p => p[0][0])), to = Math.min(...seeds.map(p => p[p.length - 1][0]));
  const same = seeds[0].length <= POINTS && seeds.every(p => p.length === seeds[0].length && p.every((q, i) => q[0] === seeds[0][i][0]));
  const steps = same ? seeds[0].map(p => p[0])
    : to > from ? Array.from({ length: POINTS }, (_, i) => from + (to - from) * i / (POINTS - 1)) : [from];
  const cursor = seeds.map(() => ({ i: 0 })), out = { mean: [], low: [], high: [] }, n = seeds.length;
  for (const x of steps) {
    const v = seeds.map((p, k) => valueAt(p, x, cursor[k])), mean = v.reduce((a, b) => a + b, 0) / n;
    const half = n > 1 ? quantile(n - 1) * Math.sqrt(v.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1) / n) : 0;
    out.mean.push({ x, y: mean });
    out.low.push({ x, y: mean - half });
    out.high.push({ x, y: mean + half });
  }
  return out;
}

function count(v) { // 1234567 as 1.23M
  if (v === null || v === undefined || !isFinite(v)) return "";
  for (const [unit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]])
    if (Math.abs(v) >= 0.9995 * unit) return +(v / unit).toPrecision(3) + letter;
  return String(+v.toPrecision(4));
}

const ink = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function newChart(canvas) {
  const axis = text => ({ type: "linear", title: { display: !!text, text, color: ink("--faint") }, grid: { color: ink("--rule"), drawBorder: false },
    ticks: { color: ink("--faint"), callback: count, maxTicksLimit: 8, maxRotation: 0, includeBounds: false } });
  return new Chart(canvas, {
    type: "line", data: { datasets: [] },
    options: {
      animation: false, parsing: false, normalized: true, maintainAspectRatio: false, interaction: { mode: "nearest", axis: "x", intersect: false },
      elements: { point: { radius: 0, hitRadius: 6, hoverRadius: 3 }, line: { borderWidth: 2, tension: 0 } },
      scales: { x: axis("environment steps"), y: axis("") },
      plugins: {
        legend: { position: "top", align: "start", labels: { color: ink("--ink"), boxWidth: 18, boxHeight: 3, filter: l => !l.text.startsWith(" ") } },
        tooltip: { filter: i => !i.dataset.label.startsWith(" "), callbacks: {
          title: items => items.length ? count(items[0].parsed.x) + " steps" : "",
          label: i => i.dataset.label + ": " + (+i.parsed.y.toPrecision(5)) } },
      },
    },
  });
}

// groups: [{label, color, seeds: [points]}].  Labels that begin with a space are not in the legend.
function fillChart(chart, groups, each) {
  const sets = [];
  let least = Infinity, greatest = -Infinity, last = 0, first = Infinity;
  for (const g of groups) {
    for (const p of g.seeds) { first = Math.min(first, p[0][0]); last = Math.max(last, p[p.length - 1][0]); }
    for (const p of g.seeds) for (const q of p) { least = Math.min(least, q[1]); greatest = Math.max(greatest, q[1]); }
    const c = average(g.seeds), n = g.seeds.length;
    if (each && n > 1) {
      g.seeds.forEach(p => sets.push({ label: " seed", data: p.map(q => ({ x: q[0], y: q[1] })), borderColor: g.color + "88", borderWidth: 1 }));
    } else if (n > 1) {
      sets.push({ label: " low", data: c.low, borderWidth: 0, borderColor: "transparent" });
      sets.push({ label: " high", data: c.high, borderWidth: 0, borderColor: "transparent", backgroundColor: g.color + "2e", fill: "-1" });
    }
    sets.push({ label: g.label, data: c.mean, borderColor: g.color, backgroundColor: g.color, pointRadius: c.mean.length < 3 ? 3 : 0 });
  }
  const room = (greatest - least) * 0.04 || 1; // an interval wider than all seeds is cut, as in `matchbox plot`
  const fromZero = least >= 0 && least < 0.3 * greatest;
  chart.options.scales.y.min = isFinite(least) ? (fromZero ? 0 : least - room) : undefined;
  chart.options.scales.y.max = isFinite(greatest) ? greatest + room : undefined;
  chart.options.scales.x.min = first < 0.1 * last || first === last ? 0 : first;
  chart.options.scales.x.max = last || undefined;
  chart.data.datasets = sets;
  chart.update("none");
}
