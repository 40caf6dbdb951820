/**
 * The built widget on a page, with a feed made of data that never changes: the study of the design.
 *
 * ?w=900&h=420&theme=light|dark&jp=0 (no variables of JupyterLab)&dir=rtl&font=13
 * &state=running|empty|loading|finished|idle|success|disconnected|gone|error|stopping|held|trouble|paused|old
 * &n=10000 (size) &long=1 (long and right-to-left names) &services=1 (one in each state)
 * &jupyter=noproxy|login (a page of a Jupyter server without the proxy, or with an ended login)
 * &one=tensorboard (the own display of that service, in place of the widget)
 */

import service from "/static/service.js";
import widget from "/static/widget.js";

const options = new URLSearchParams(location.search);
const state = options.get("state") ?? "running";
const NOW = 643;
const WORKERS = 6;
const START = Date.now() / 1000 - NOW;

function study(long) {
  let seed = 20260311;
  const chance = () => (seed = (seed * 1664525 + 1013904223) >>> 0) / 4294967296;
  const hex = (n) => Array.from({ length: n }, () => "0123456789abcdef"[Math.floor(chance() * 16)]).join("");
  const jobs = [];
  const add = (task, tags, needs, secs, more = {}) => {
    const job = { id: hex(64), task, tags, needs, secs, state: "waiting", started: null, ended: null, ...more };
    jobs.push(job);
    return job;
  };
  const corpora = long ? ["مجموعة-الأخبار-الكبيرة", "a-corpus-with-a-name-that-nobody-shortened-in-time-v2.1-deduplicated"] : ["wiki", "code"];
  const prepared = new Map(corpora.map((corpus) => [corpus, add("PrepareCorpus", { corpus }, [], 0, { reused: true })]));
  const tokens = new Map(corpora.map((corpus) => [corpus, add("Tokenise", { corpus }, [prepared.get(corpus)], 64 + 12 * chance())]));
  const base = add("NgramBaseline", { corpus: corpora[0] }, [prepared.get(corpora[0])], 96);
  const trains = [];
  for (const lr of ["1e-3", "3e-4"]) for (const layers of [4, 8]) for (const s of [1, 2]) for (const corpus of corpora) {
    const name = long && layers === 8 ? "TrainWithGradientAccumulationAndMixedPrecision" : "Train";
    trains.push(add(name, { corpus, lr, layers: String(layers), seed: String(s) }, [tokens.get(corpus)], (layers === 4 ? 236 : 318) + 40 * chance()));
  }
  const evaluations = trains.map((train) => add("Evaluate", { ...train.tags }, [train, tokens.get(train.tags.corpus)], 34 + 18 * chance()));
  const compared = corpora.map((corpus) => add("Compare", { corpus }, [...evaluations.filter((one) => one.tags.corpus === corpus), ...(corpus === corpora[0] ? [base] : [])], 12));
  add("Report", {}, compared, 8);
  const find = (s) => trains.find((one) => one.tags.corpus === corpora[1] && one.tags.layers === "8" && one.tags.lr === "1e-3" && one.tags.seed === s);
  find("2").fail = [41, "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.81 GiB is free."];
  find("1").fail = [118, "Killed by signal 9"];
  evaluations.filter((one) => one.tags.corpus === corpora[1])[1].fail = [9, "FileNotFoundError: [Errno 2] No such file or directory: '/data/runs/jobs/textlab.tasks.tokenise/heldout.jsonl'"];
  const busy = Array(WORKERS).fill(null);
  const end = ["finished", "success", "idle"].includes(state) ? 1e5 : NOW;
  if (state === "success") for (const job of jobs) delete job.fail;
  for (let t = 0; t <= end; t += 1) {
    busy.forEach((job, w) => {
      if (job === null || t < job.stop) return;
      job.state = job.fail ? "failed" : "done";
      job.ended = job.stop;
      busy[w] = null;
    });
    for (const job of jobs) {
      if (job.reused) job.state = "done";
      else if (job.state !== "waiting" && job.state !== "queued") continue;
      else if (job.needs.some((one) => ["failed", "skipped"].includes(one.state))) job.state = "skipped";
      else if (job.needs.every((one) => one.state === "done")) job.state = "queued";
    }
    const ready = jobs.filter((job) => job.state === "queued").sort((a, b) => Number(a.task !== "Evaluate") - Number(b.task !== "Evaluate"));
    busy.forEach((job, w) => {
      if (job !== null || ready.length === 0 || t >= end) return;
      const next = ready.shift();
      Object.assign(next, { state: "running", started: t, stop: t + (next.fail ? next.fail[0] : next.secs) });
      busy[w] = next;
    });
    if (t > NOW && jobs.every((job) => !["waiting", "queued", "running"].includes(job.state))) break;
  }
  return jobs;
}

function text(job) {
  if (job.state === "running") {
    const part = Math.min(0.99, (NOW - job.started) / job.secs);
    return job.task === "Evaluate" ? `batch ${Math.round(part * 1200)}/1200` : `epoch ${Math.max(1, Math.round(part * 50))}/50, loss ${(2.1 + 1.9 * Math.exp(-3 * part)).toFixed(3)}`;
  }
  const open = job.needs.filter((one) => one.state !== "done");
  if (job.state === "failed") return job.fail[1];
  if (job.state === "queued") return "for a worker";
  if (job.state === "waiting") return `for ${open.length} job${open.length === 1 ? "" : "s"}`;
  if (job.state === "skipped") return `${open.find((one) => one.state !== "waiting").task} ${open.find((one) => one.state !== "waiting").state}`;
  return job.reused ? "reused from an earlier run" : "";
}

const jobs = state === "empty" || state === "loading" ? [] : study(options.get("long") === "1");
const number = new Map(jobs.map((job, i) => [job, i]));
let rows = jobs.map((job) => [
  `textlab.tasks.${job.task.toLowerCase()}/${job.id}`, `textlab.tasks.${job.task}`, job.tags, job.state, text(job),
  job.state === "running" ? Math.min(0.99, (NOW - job.started) / job.secs) : null,
  job.started === null ? null : START + job.started, job.ended === null ? null : START + job.ended, job.started === null ? 0 : 1,
]);
const size = Number(options.get("n") ?? rows.length);
if (size > rows.length) {
  rows = Array.from({ length: size }, (_, i) => {
    const row = [...rows[i % 40]];
    return [`${row[0].slice(0, -7)}${String(i).padStart(7, "0")}`, row[1], { ...row[2], seed: String(i) }, ...row.slice(3)];
  });
}

const counts = { done: 0, running: 0, waiting: 0, skipped: 0, failed: 0 };
for (const row of rows) counts[row[3] === "queued" ? "waiting" : row[3]] += 1;
const over = state === "finished" || state === "success";
const last = Math.max(...jobs.map((job) => job.ended ?? 0), 0);
const run = {
  status: { finished: "failed", success: "done", stopping: "stopping", held: "held", idle: "idle" }[state] ?? "running",
  now: Date.now() / 1000, started: state === "empty" ? Date.now() / 1000 - 4 : START, ended: over ? START + last : null,
  remaining: over || state === "empty" || state === "idle" ? null : 540, counts, trouble: state === "trouble" ? "/data/runs/jobs: No space left on device" : "",
  paused: state === "paused" ? { "textlab.tasks.train": "ModuleNotFoundError: No module named 'torch'" } : {},
  ...(state === "held" ? { holder: "pid 4711 on gpu07 since 14:32:07" } : {}),
};
const services = options.get("services") !== "1" ? [] : [
  { id: "tensorboard", name: "TensorBoard", state: "running", error: "", port: 36013, can_start: false, can_stop: true },
  { id: "report", name: "Live report", state: "stopped", error: "", port: null, can_start: true, can_stop: false },
  { id: "explorer", name: "Sample explorer", state: "error", port: null, can_start: true, can_stop: false, error: "Port 8501 is already in use by another process. Stop that process, or pass another port: `SampleExplorer(port=0)` takes a free one. Then press Start." },
  { id: "profiler", name: "Profiler", state: "starting", error: "", port: null, can_start: false, can_stop: true },
  { id: "mlflow", name: "mlflow ui --port {port} --backend-store-uri /data/runs/mlflow", state: "stopping", error: "", port: null, can_start: false, can_stop: false },
  { id: "notes", name: "Notes", state: "error", port: null, can_start: true, can_stop: false, error: "The service 'notes' ended with exit code 1 before it was ready. Last lines of /data/runs/experiments/small-lm-grid/20260311_143207/services/notes/logs.err:\nTraceback (most recent call last):\n  File \"/data/notes/serve.py\", line 88, in <module>\n    main(sys.argv[1:])\nModuleNotFoundError: No module named 'notes.database'" }];
const log = [
  [START, "info", "run 20260311_143207 started, workspace /data/runs, 6 workers"], [START + 2, "info", "2 results of earlier runs reused"],
  [START + 4, "warning", "the code of textlab.tasks.train changed since 1 result was computed; the result is kept"],
  [START + 106, "warning", "Train 9b22f91b: out of memory; 1 dependent is skipped"],
  [START + 183, "error", "Train 0c5255f2: ended by signal 9 without a marker; 1 dependent is skipped"],
  [START + 324, "warning", "Evaluate f4e9e827: heldout.jsonl is missing in the folder of its dependency; Compare and Report will be skipped"],
  [START + 599, "info", "1 job is ready and waits for a worker (6 of 6 busy)"]];
const edges = jobs.flatMap((job, to) => job.needs.map((need) => [number.get(need), to]));
const tasks = [...new Set(edges.map(([a, b]) => JSON.stringify([rows[a][1], rows[b][1]])))].map((one) => JSON.parse(one)).filter(([a, b]) => a !== b);

const lines = Array.from({ length: 1204 }, (_, i) => `${String(Math.floor(i / 12)).padStart(2, "0")}:${String((i * 5) % 60).padStart(2, "0")}  epoch ${String(1 + Math.floor(i / 24)).padStart(2)}  step ${String(i * 250).padStart(6)}  loss ${(2.1 + 1.9 * Math.exp(-i / 400)).toFixed(4)}  ${(41 + (i * 7) % 5).toFixed(1)}k tok/s\n`).join("");
const related = (list) => list.map((job) => ({ key: rows[number.get(job)][0], task: job.task, tags: Object.values(job.tags), state: job.state }));
const lr = (job) => ({ key: "lr", value: job.tags.lr ?? "3e-4", kind: "tag" });

/** Answers as the feed does. */
function answer(message) {
  const at = rows.findIndex((row) => row[0] === message.job);
  const job = jobs[at % 40];
  switch (message.ask) {
    case "link": return { host: "127.0.0.1", port: 36013, path: "/", proxied: "proxy/36013/", direct: "http://localhost:36013/", template: null, query: "xpm_token=secret" };
    case "service log": return message.service === "report" ? "" : lines.slice(-57 * 60);
    case "graph": return { jobs: rows.length <= 200 ? edges : null, tasks };
    case "details": {
      const needed = jobs.filter((one) => one.needs.includes(job));
      return { folder: `/data/runs/jobs/${message.job}`, launcher: "this machine, 1 GPU, 16 GiB", tokens: ["gpu 1 of 6"], submitted: START,
        needs: related(job.needs), needs_count: job.needs.length, needed_by: related(needed), needed_by_count: needed.length,
        attempts: job.started === null ? [] : [{ n: 1, state: job.state, started: START + job.started, ended: job.ended === null ? null : START + job.ended, worker: "pid 4711 on gpu07", peak_memory: job.ended === null ? null : 9.6e9 }] };
    }
    case "parameters": return [lr(job), { key: "seed", value: "1", kind: "tag" }, { key: "epochs", value: "50" }, { key: "model", type: "Transformer", kids: [{ key: "layers", value: "8", kind: "tag" }, { key: "width", value: "512" }, { key: "head", type: "Linear", kids: [{ key: "bias", value: "True" }] }] }, { key: "checkpoint", value: "checkpoints/", kind: "path" }];
    case "error": return job.fail?.[1].startsWith("Killed")
      ? { type: "Killed by signal 9", message: "The process ended without an exception. The kernel's log names it as out of memory (61.2 of 62.8 GiB in use).", frames: [], library_calls: 0, libraries: [], traceback: "", tail: ["epoch 21/50  loss 2.604", "loading shard 13 of 38 into memory"] }
      : { type: "torch.OutOfMemoryError", message: "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.81 GiB is free.",
        frames: [{ file: "textlab/model.py", line: 41, name: "Block.forward", source: [[39, "    def forward(self, x):"], [40, "        q, k, v = self.qkv(x).chunk(3, dim=-1)"], [41, "        scores = q @ k.transpose(-1, -2) * self.scale"], [42, "        return self.out(scores.softmax(-1) @ v)"]] },
          { file: "textlab/tasks/train.py", line: 88, name: "Train.execute", source: [[86, "            for batch in loader:"], [87, "                optimizer.zero_grad()"], [88, "                loss = model(batch.tokens, batch.targets)"]] }],
        library_calls: 4, libraries: ["torch"], traceback: "Traceback (most recent call last):\n  ...", tail: [] };
    case "log": {
      if (message.offset !== null && message.offset !== undefined) return null;
      if (message.before !== undefined) return { begin: 0, end: message.before, size: lines.length, text: lines.slice(0, message.before), exists: true, path: "" };
      return { begin: lines.length - 57 * 60, end: lines.length, size: lines.length, text: lines.slice(-57 * 60), exists: true, path: "" };
    }
    default: return null;
  }
}

const listeners = new Map();
const emit = (name, ...values) => [...(listeners.get(name) ?? [])].forEach((one) => one(...values));
const later = (message) => setTimeout(() => emit("msg:custom", JSON.parse(JSON.stringify(message))), 0);
window.sent = [];
window.emit = emit;

const model = {
  get: () => undefined, set: () => undefined,
  on: (name, listener) => listeners.set(name, [...(listeners.get(name) ?? []), listener]),
  off: (name, listener) => listeners.set(name, (listeners.get(name) ?? []).filter((one) => one !== listener)),
  send: (message) => {
    window.sent.push(message);
    if (state === "loading") return;
    if (message.t === "hello") {
      if (state === "old") { later({ t: "old", to: message.view }); return; }
      if (message.seq >= 0 && state === "disconnected") return;
      if (message.seq >= 0) { later({ t: "delta", to: message.view, epoch: "e", seq: message.seq }); return; }
      const parts = Math.max(1, Math.ceil(rows.length / 5000));
      for (let part = 0; part < parts; part += 1) {
        later({ t: "reset", to: message.view, epoch: "e", seq: 1, part, parts, rows: rows.slice(part * 5000, (part + 1) * 5000),
          ...(part === 0 ? { run, log, services, commands: true, title: { name: "small-lm-grid", run: "20260311_143207", workspace: "/data/runs", workers: WORKERS } } : {}) });
      }
      if (state === "gone") setTimeout(() => emit("comm:close"), 100);
      if (state === "error") setTimeout(() => emit("msg:custom", { t: "delta", epoch: "e", seq: 2, run: { ...run, counts: null } }), 100);
    } else if (message.t === "ask") {
      const data = answer(message);
      if (data !== null) later({ t: "reply", id: message.id, ok: true, data });
    } else if (message.t === "do" && options.get("busy") !== "1") {
      later({ t: "reply", id: message.id, ok: true, data: message.jobs ? { jobs: message.jobs.length, left_out: 0 } : null });
    }
  },
};

const one = options.has("one") ? services.find((each) => each.id === options.get("one")) : null;
if (one) {
  model.get = () => ({ ...one, description: one.name, error: one.error || null });
  model.send = (message) => {
    window.sent.push(message);
    if (message.t === "place") later({ t: "place", port: one.port, place: answer({ ask: "link" }) });
    if (message.t === "log") later({ t: "log", text: answer({ ask: "service log", service: one.id }) });
  };
}
if (options.has("jupyter")) {
  const config = document.createElement("script");
  config.id = "jupyter-config-data";
  config.type = "application/json";
  config.textContent = JSON.stringify({ baseUrl: `/${options.get("jupyter")}/` });
  document.head.append(config);
}

const theme = options.get("theme") ?? "light";
const host = document.createElement("div");
host.className = "host" + (options.get("jp") === "0" ? "" : ` jp-OutputArea-output jp-${theme}`);
if (options.get("jp") !== "0") host.dataset.jpThemeLight = String(theme !== "dark");
else if (theme === "dark") host.style.background = "#111";
host.style.width = `${options.get("w") ?? 900}px`;
if (options.get("font")) host.style.setProperty("--jp-ui-font-size1", `${options.get("font")}px`);
if (options.get("dir")) host.dir = options.get("dir");
document.querySelector("main").append(host);
window.close_widget = (one ? service : widget).render({ model, el: host });
if (options.get("h")) host.querySelector(".xpm").style.height = `${options.get("h")}px`;
