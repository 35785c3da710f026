// The page of `matchbox serve`: keeps what the event stream tells, draws it, asks for files of the run that is chosen.
"use strict";

const $ = id => document.getElementById(id);
const runs = new Map();                  // id -> {id, dir, algo, env, preset, seed, state, status, series: {metric: [[x, y]]}, config}
const hidden = new Set();                // ids that are not in the curves
const charts = new Map();                // key -> {chart, card}
let chosen = null, byHand = false, dirty = true, listDirty = true;

const token = location.hash.slice(1);
if (token) history.replaceState(null, "", "/"); // not to be seen or copied with the address; it stays in this page
if (token) sessionStorage.setItem("token", token);
const secret = token || sessionStorage.getItem("token") || "";

const TITLES = { return_mean: "return, mean of the last 100 episodes", length_mean: "episode length", "eval/return_mean": "return, evaluation",
  "policy/entropy": "entropy of the policy, nats", "policy/kl": "KL divergence of an update, nats", "optimizer/lr": "step size" };

function el(tag, text, attributes) {
  const e = document.createElement(tag);
  if (text !== undefined && text !== null) e.textContent = text;
  for (const k in attributes || {}) k === "class" ? e.className = attributes[k] : e.setAttribute(k, attributes[k]);
  return e;
}
const name = r => r.dir.split("/").filter(Boolean).pop() || r.dir;
const groupOf = r => [r.algo, r.env, r.preset].join("\n");

// ---- curves ----

function colors() { // by group, in order of appearance: they do not change when runs are hidden
  const out = new Map();
  for (const r of runs.values()) if (!out.has(groupOf(r))) out.set(groupOf(r), COLORS[out.size % COLORS.length]);
  return out;
}

function groupsFor(env, metric) {
  const color = colors(), out = new Map(), presets = new Set([...runs.values()].filter(r => r.env === env).map(r => r.algo + "\n" + r.preset));
  const algos = new Set([...presets].map(p => p.split("\n")[0]));
  for (const r of runs.values()) {
    const points = r.series[metric];
    if (r.env !== env || hidden.has(r.id) || !points || !points.length) continue;
    const key = groupOf(r);
    if (!out.has(key)) out.set(key, { label: presets.size > algos.size ? `${r.algo}, preset ${r.preset || "none"}` : r.algo, color: color.get(key), seeds: [] });
    out.get(key).seeds.push(points);
  }
  const list = [...out.values()];
  for (const g of list) g.label += g.seeds.length === 1 ? ", 1 seed" : `, ${g.seeds.length} seeds`;
  return list;
}

function wantedCharts() { // one for each environment and metric; with one environment its evaluations too
  const envs = [...new Set([...runs.values()].filter(r => r.env && !hidden.has(r.id)).map(r => r.env))], metric = $("metric").value || "return_mean";
  const metrics = [metric];
  if (envs.length < 3 && metric === "return_mean" && [...runs.values()].some(r => r.series["eval/return_mean"])) metrics.push("eval/return_mean");
  return envs.flatMap(env => metrics.map(m => ({ env, metric: m, key: env + "\n" + m })));
}

function drawCharts() {
  const wanted = wantedCharts(), keys = new Set(wanted.map(w => w.key));
  for (const [key, c] of charts) if (!keys.has(key)) { c.chart.destroy(); c.card.remove(); charts.delete(key); }
  for (const w of wanted) {
    if (!charts.has(w.key)) {
      const card = el("div", null, { class: "card" }), plot = el("div", null, { class: "plot" }), canvas = el("canvas", null, { role: "img", "aria-label": `${w.metric} on ${w.env}` });
      const title = el("h2", w.env);
      title.append(el("span", "  " + (TITLES[w.metric] || w.metric), { class: "faint" }));
      card.append(title, plot);
      plot.append(canvas);
      $("charts").append(card);
      charts.set(w.key, { chart: newChart(canvas), card });
    }
    fillChart(charts.get(w.key).chart, groupsFor(w.env, w.metric), $("each").checked);
  }
}

function fillMetrics() {
  const all = new Set(["return_mean"]);
  for (const r of runs.values()) for (const m in r.series) all.add(m);
  const select = $("metric"), now = select.value || "return_mean", have = [...select.options].map(o => o.value);
  const want = [...all].sort();
  if (want.join() === have.join()) return;
  select.replaceChildren(...want.map(m => el("option", m, { value: m })));
  select.value = all.has(now) ? now : "return_mean";
}

// ---- the list of runs ----

function timeLeft(s) {
  const left = (s.total_steps - s.step) / s.steps_per_second;
  if (!isFinite(left) || left <= 0) return "";
  return left < 60 ? `${left.toFixed(0)} s left` : left < 3600 ? `${(left / 60).toFixed(0)} min left` : `${(left / 3600).toFixed(1)} h left`;
}

function rowOf(r, color) {
  const s = r.status || {}, row = el("tr"), box = el("input", null, { type: "checkbox", "aria-label": "in the curves" }), pick = el("td");
  box.checked = !hidden.has(r.id);
  box.onclick = e => { e.stopPropagation(); box.checked ? hidden.delete(r.id) : hidden.add(r.id); dirty = listDirty = true; };
  const swatch = el("span", null, { class: "swatch" });
  swatch.style.background = color;
  pick.append(box, swatch);
  const title = el("td"), button = el("button", name(r), { class: "name", title: `${r.algo} on ${r.env}, seed ${r.seed}\n${r.dir}` });
  title.append(button);
  const state = el("td");
  state.append(el("span", r.state, { class: "state " + r.state }));
  const progress = el("td", null, { class: "wide" });
  if (s.total_steps) {
    progress.append(el("progress", null, { max: s.total_steps, value: s.step, "aria-label": "progress" }));
    progress.append(el("div", `${count(s.step)} of ${count(s.total_steps)}${r.state === "running" && timeLeft(s) ? " · " + timeLeft(s) : ""}`, { class: "left" }));
  }
  const points = r.series.return_mean, last = s.return_mean ?? (points && points.length ? points[points.length - 1][1] : null);
  const number = (label, v) => el("td", v, { class: "num", "data-label": label });
  row.append(pick, title, state, progress, number("steps/s", count(s.steps_per_second)), number("return", last === null ? "" : +last.toPrecision(4)),
    number("evaluation", s.eval && s.eval.episodes ? +s.eval.return_mean.toPrecision(4) : ""));
  row.onclick = () => { byHand = true; choose(r.id); };
  if (r.id === chosen) row.className = "chosen";
  return row;
}

function drawList() {
  const color = colors(), focused = document.activeElement?.closest("#runs tr")?.rowIndex;
  $("none").hidden = runs.size > 0;
  const body = $("runs").tBodies[0];
  const order = [...runs.values()].sort((a, b) => (b.state === "running") - (a.state === "running") || a.id - b.id);
  body.replaceChildren(...order.map(r => rowOf(r, color.get(groupOf(r)))));
  if (focused) body.rows[focused - 1]?.querySelector("button").focus();
}

// ---- options that differ ----

function parseConfig(text) { // the config.yaml of a run: one "key: value" in a line
  const out = {};
  for (const line of text.split("\n")) {
    const at = line.indexOf(": ");
    if (at > 0) out[line.slice(0, at)] = line.slice(at + 2).replace(/^"(.*)"$/, "$1");
  }
  return out;
}

function drawDiff() {
  const list = [...runs.values()].filter(r => r.config && !hidden.has(r.id)), columns = new Map();
  for (const r of list) { // runs that differ in the seed alone share a column
    const key = JSON.stringify(Object.entries(r.config).filter(([k]) => k !== "seed"));
    if (!columns.has(key)) columns.set(key, []);
    columns.get(key).push(r);
  }
  const cols = [...columns.values()], keys = [...new Set(list.flatMap(r => Object.keys(r.config)))].filter(k => k !== "seed");
  const rows = keys.filter(k => new Set(cols.map(c => c[0].config[k]).filter(v => v !== undefined)).size > 1); // of two that have it
  const table = $("diff");
  $("same").hidden = rows.length > 0;
  table.replaceChildren();
  if (!rows.length) return;
  const head = el("tr"), color = colors();
  head.append(el("th", "option"), ...cols.map(c => {
    const th = el("th", c.length === 1 ? name(c[0]) : `${name(c[0])} and ${c.length - 1} more`), swatch = el("span", null, { class: "swatch" });
    swatch.style.background = color.get(groupOf(c[0]));
    th.append(" ", swatch);
    return th;
  }));
  table.append(head);
  for (const k of rows) {
    const tr = el("tr");
    tr.append(el("th", k), ...cols.map(c => el("td", c[0].config[k] ?? "–")));
    table.append(tr);
  }
}

// ---- the run that is chosen ----

async function fetchText(id, file) {
  const answer = await fetch(`/file?id=${id}&name=${file}`);
  return answer.ok ? answer.text() : "";
}

function fill(dl, pairs) {
  dl.replaceChildren(...pairs.filter(p => p[1] !== undefined && p[1] !== null && p[1] !== "").flatMap(([k, v]) => [el("dt", k), el("dd", String(v))]));
}

function drawDetail() {
  const r = runs.get(chosen);
  $("detail").hidden = !r;
  if (!r) return;
  const s = r.status || {}, mb = b => b ? `${(b / 1048576).toFixed(0)} MB` : "";
  $("name").textContent = `${r.algo} on ${r.env}, seed ${r.seed}`;
  $("buttons").hidden = !secret;
  $("stop").disabled = $("checkpoint").disabled = r.state !== "running";
  fill($("now"), [["state", r.state], ["step", s.total_steps ? `${count(s.step)} of ${count(s.total_steps)}` : ""], ["steps/s", count(s.steps_per_second)],
    ["episodes", count(s.episodes)], ["return", s.return_mean == null ? "" : +s.return_mean.toPrecision(5)],
    ["evaluation", s.eval && s.eval.episodes ? `${+s.eval.return_mean.toPrecision(5)} ± ${+s.eval.return_std.toPrecision(3)} at ${count(s.eval_step)}` : ""],
    ["memory", mb(s.memory_bytes)], ["threads", s.threads], ["environments", s.envs], ["checkpoint at", count(s.checkpoint_step)], ["directory", r.dir]]);
  const phases = s.phases || {}, sum = Object.values(phases).reduce((a, b) => a + b, 0);
  $("phases").replaceChildren(...(sum > 0 ? ["environment", "acting", "learning", "other"] : []).map(p => {
    const row = el("div", null, { class: "phase" }), part = (phases[p] || 0) / sum;
    row.append(el("span", p), el("meter", null, { min: 0, max: 1, value: part }), el("span", (100 * part).toFixed(0) + " %"));
    return row;
  }));
}

async function loadDetail() {
  const id = chosen, r = runs.get(id);
  if (!r) return;
  const [system, log] = await Promise.all([fetchText(id, "system.json"), fetchText(id, "log.txt")]);
  if (id !== chosen) return;
  let facts = {};
  try { facts = JSON.parse(system); } catch { /* not written yet, or torn */ }
  fill($("system"), [["matchbox", `${facts.version || ""} (${String(facts.commit || "").slice(0, 10)})`], ["processor", facts.cpu], ["cores", facts.cores],
    ["kernels", facts.kernels], ["compiler", facts.compiler], ["host", facts.host], ["system", [facts.system, facts.release].filter(Boolean).join(" ")], ["started", facts.started]]);
  const pre = $("log"), below = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 8;
  pre.textContent = log || "nothing yet";
  if (below) pre.scrollTop = pre.scrollHeight;
}

async function loadFilm() {
  const id = chosen, answer = await fetch(`/film?id=${id}`);
  if (id !== chosen) return;
  const img = $("film"), old = img.src;
  $("nofilm").hidden = answer.ok;
  img.hidden = !answer.ok;
  if (answer.ok) img.src = URL.createObjectURL(await answer.blob());
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

function choose(id) {
  chosen = id;
  $("answer").textContent = "";
  $("log").textContent = "";
  listDirty = true;
  drawDetail();
  loadDetail();
  loadFilm();
  if (byHand && matchMedia("(max-width: 620px)").matches) $("detail").scrollIntoView({ behavior: "smooth" });
}

async function ask(what) {
  const r = runs.get(chosen);
  if (!r || (what === "stop" && !confirm(`Stop ${name(r)}? It writes a checkpoint and can be resumed.`))) return;
  const answer = await fetch(`/request?id=${r.id}&what=${what}`, { method: "POST", headers: { "X-Matchbox-Token": secret } });
  $("answer").textContent = (await answer.text()).trim();
}

// ---- what the server tells ----

function takeRuns(list) {
  for (const r of list) {
    const old = runs.get(r.id) || { series: {}, state: "unknown", status: null, config: null };
    runs.set(r.id, Object.assign(old, r));
    if (!old.config) fetchText(r.id, "config.yaml").then(text => { if (text) { old.config = parseConfig(text); listDirty = true; } });
  }
  if (chosen === null && runs.size) choose(runs.values().next().value.id);
  dirty = listDirty = true;
}

function takeMetrics(lines) {
  const r = runs.get(+lines.shift());
  if (!r) return;
  for (const line of lines) {
    let row;
    try { row = JSON.parse(line); } catch { continue; }
    const { step, ...values } = row;
    if (!Number.isFinite(step)) continue;
    const flat = values.eval ? Object.fromEntries(Object.entries(values.eval).map(([k, v]) => ["eval/" + k, v])) : values;
    for (const k in flat) if (typeof flat[k] === "number") (r.series[k] ||= []).push([step, flat[k]]);
  }
  dirty = true;
}

function listen() {
  const source = new EventSource("/events"), on = (type, take) => source.addEventListener(type, e => take(e.data.split("\n")));
  source.onopen = () => {
    $("link").textContent = "live"; $("link").classList.add("up");
    for (const r of runs.values()) r.series = {};   // the stream begins anew
  };
  source.onerror = () => { $("link").textContent = "not connected"; $("link").classList.remove("up"); };
  on("runs", lines => takeRuns(JSON.parse(lines[0])));
  on("cut", lines => { const r = runs.get(+lines[0]); if (r) r.series = {}; dirty = true; });
  on("status", lines => {
    const r = runs.get(+lines[0]);
    if (!r) return;
    r.state = lines[1];
    try { r.status = JSON.parse(lines[2]); } catch { r.status = null; }
    if (!byHand && r.state === "running" && runs.get(chosen)?.state !== "running") choose(r.id); // what people come to see
    listDirty = true;
  });
  on("metrics", takeMetrics);
  on("film", lines => { if (+lines[0] === chosen) loadFilm(); });
}

function refresh() {
  if (dirty) { fillMetrics(); drawCharts(); }
  if (listDirty) { drawList(); drawDiff(); drawDetail(); }
  dirty = listDirty = false;
}

$("metric").onchange = $("each").onchange = () => { dirty = true; refresh(); };
$("stop").onclick = () => ask("stop");
$("checkpoint").onclick = () => ask("checkpoint");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { for (const c of charts.values()) { c.chart.destroy(); c.card.remove(); } charts.clear(); dirty = true; });
setInterval(refresh, 500);
setInterval(() => { if (runs.get(chosen)?.state === "running" && !document.hidden) { loadDetail(); fetch(`/watch?id=${chosen}`); } }, 5000);
listen();
