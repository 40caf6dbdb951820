import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Wire, cells, document_ as document, run } from "./page.ts";
import { Widget } from "../src/widget.ts";

let wire: Wire;
let host: HTMLElement;
let widget: Widget;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000_000 });
  wire = new Wire();
  host = document.createElement("div");
  document.body.append(host);
  widget = new Widget(wire, host);
});

afterEach(() => {
  widget.dispose();
  host.remove();
  mock.timers.reset();
});

/** Lets time and paints go by. */
const pass = (ms = 200): void => {
  for (let t = 0; t < ms; t += 50) mock.timers.tick(50);
  widget.refilter();
};
const rows = (): HTMLElement[] =>
  ([...host.querySelectorAll(".xpm-rows > [data-job-id]")] as HTMLElement[]).filter((row) => !row.hidden).sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top));
const states = (): string[] => rows().map((row) => row.dataset["state"] ?? "");
const press = (label: string): void => {
  const found = ([...host.querySelectorAll("button")] as HTMLElement[]).find((one) => one.textContent === label && !one.hidden && one.closest("[hidden]") === null);
  assert.ok(found, `no button "${label}"`);
  found.click();
};
const key = (name: string, more: Record<string, unknown> = {}): void => {
  const target = document.activeElement ?? host;
  target.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));
};
const text = (selector: string): string => host.querySelector(selector)?.textContent ?? "";
const settle = async (): Promise<void> => { for (let i = 0; i < 5; i += 1) await Promise.resolve(); };

test("it waits for the first message, and says later that the kernel may be busy", () => {
  assert.equal(text(".xpm-blank"), "Loading jobsWaiting for the kernel’s first message.");
  pass(6_000);
  assert.equal(text(".xpm-blank"), "Loading jobsThe kernel does not answer; it may be busy. Jobs go on meanwhile.");
});

test("a run without jobs says how they come", () => {
  wire.reset([]);
  pass();
  assert.equal(text(".xpm-blank"), "No job yetJobs appear here as soon as a task is submitted, for example Train.C(lr=1e-3).submit()");
});

test("rows have the hooks of the guide, trouble first", () => {
  wire.reset([cells(0, "done"), cells(1, "running"), cells(2, "not needed"), cells(3, "failed")]);
  pass();
  assert.deepEqual(states(), ["failed", "running", "done", "unneeded"]);
  assert.equal(rows()[0]?.dataset["jobId"], "3".padStart(64, "0"));
  assert.equal(rows()[0]?.dataset["task"], "lab.train");
  assert.equal(widget.root.dataset["xpmExperiment"], "first");
  assert.equal(widget.root.dataset["view"], "live");
});

test("of ten thousand rows only those in sight exist", () => {
  wire.reset(Array.from({ length: 10_000 }, (_, i) => cells(i)));
  pass();
  assert.ok(rows().length < 40, `${rows().length} rows`);
  assert.equal(host.querySelector("[role=grid]")?.getAttribute("aria-rowcount"), "10001");
});

test("whatever users write is text", () => {
  const evil = "<img src=x onerror=alert(1)>";
  wire.reset([cells(0, "failed", { text: evil, task: `lab.${evil}`, tags: { [evil]: evil } })],
    run({ failed: 1 }, { trouble: evil }), { title: { name: evil, run: evil, workspace: evil, workers: 1 }, log: [[1, "error", evil]] });
  pass();
  widget.show("Log");
  widget.show("Jobs");
  assert.equal(host.querySelectorAll("img").length, 0);
  assert.ok(host.textContent?.includes(evil));
});

test("a job is killed after a question, and says so until it is", async () => {
  wire.reset([cells(0)], run({ running: 1 }));
  pass();
  (rows()[0]?.querySelector(".xpm-act") as HTMLElement).click();
  assert.equal(text(".xpm-note p"), "Kill train 0? Its dependents are skipped.");
  assert.equal(document.activeElement?.textContent, "Kill job");
  press("Kill job");
  const command = wire.last("do");
  assert.deepEqual([command["do"], command["jobs"]], ["kill", [cells(0)[0]]]);
  pass();
  assert.equal(text(".xpm-what"), "killing");
  assert.ok((rows()[0]?.querySelector(".xpm-act") as HTMLButtonElement).disabled);
  wire.reply(command, { jobs: 1, left_out: 0 });
  await settle();
  wire.delta(2, { set: [[0, 3, "killed"], [0, 4, ""]] });
  pass();
  assert.deepEqual(states(), ["killed"]);
  assert.equal(text(".xpm-what"), "");
});

test("Escape cancels a question and nothing is sent", () => {
  wire.reset([cells(0)], run({ running: 1 }));
  pass();
  press("Kill all");
  assert.equal(text(".xpm-note p"), "Kill 1 running job and stop the experiment? Work since its last checkpoint is lost.");
  assert.equal(document.activeElement?.textContent, "Cancel");
  key("Escape");
  assert.ok((host.querySelector(".xpm-note") as HTMLElement).hidden);
  assert.ok(!wire.sent.some((message) => message["t"] === "do"));
});

test("a command without an answer says that the kernel is busy and is sent again", () => {
  wire.reset([cells(0)], run({ running: 1 }));
  pass();
  press("Stop experiment");
  (host.querySelectorAll(".xpm-note button")[0] as HTMLElement).click();
  pass(2_500);
  assert.equal(text(".xpm-note p"), "The kernel is busy; the command is sent as soon as it answers.");
  pass(16_000);
  wire.delta(1, { to: wire.last("hello")["view"] });
  const sent = wire.sent.filter((message) => message["t"] === "do");
  assert.equal(sent.length, 2);
  assert.deepEqual(sent[0], sent[1]);
});

test("a silent kernel is said to be so, with the time of what is shown", () => {
  wire.reset([cells(0)]);
  pass();
  pass(16_000);
  assert.equal(widget.root.dataset["view"], "disconnected");
  assert.match(text(".xpm-note p"), /^Disconnected from the kernel \d+ s ago\. The table shows the state of \d\d:\d\d:\d\d; jobs go on\. Trying again/);
  assert.ok((rows()[0]?.querySelector(".xpm-act") as HTMLButtonElement).disabled);
  wire.delta(1, { to: wire.last("hello")["view"] });
  pass();
  assert.equal(widget.root.dataset["view"], "live");
});

test("a kernel that was restarted is not tried again", () => {
  wire.reset([cells(0)]);
  wire.emit("comm:close");
  pass();
  assert.equal(text(".xpm-note p"), "The kernel was restarted. Run this cell again to attach to the run. Jobs go on.");
  const sent = wire.sent.length;
  pass(60_000);
  assert.equal(wire.sent.length, sent);
});

test("a gap is answered by one hello, however many deltas come", () => {
  wire.reset([cells(0)]);
  const before = wire.sent.filter((message) => message["t"] === "hello").length;
  for (let seq = 3; seq < 2_000; seq += 1) wire.delta(seq, { set: [[0, 4, String(seq)]] });
  pass(600);
  assert.equal(wire.sent.filter((message) => message["t"] === "hello").length, before + 1);
});

test("rows keep their places while the focus is in the table", () => {
  wire.reset([cells(0), cells(1)]);
  pass();
  rows()[0]?.focus();
  wire.delta(2, { set: [[1, 3, "failed"]], add: [cells(2, "failed")] });
  pass(500);
  assert.deepEqual(states(), ["running", "failed", "failed"]);
  (document.activeElement as HTMLElement).blur();
  pass(500);
  assert.deepEqual(states(), ["failed", "failed", "running"]);
});

test("another run begins anew, whatever has the focus", () => {
  wire.reset([cells(0), cells(1)]);
  pass();
  rows()[0]?.focus();
  wire.reset([cells(7, "done")], run(), { epoch: "other" });
  pass(500);
  assert.deepEqual(states(), ["done"]);
});

test("keys move, open, mark and close", () => {
  wire.reset([cells(0), cells(1), cells(2)]);
  pass();
  rows()[0]?.focus();
  key("ArrowDown");
  assert.equal((document.activeElement as HTMLElement).dataset["jobId"], rows()[1]?.dataset["jobId"]);
  key("Enter");
  assert.equal(host.querySelector("aside")?.getAttribute("aria-label"), "Job train");
  key(" ");
  key("ArrowDown", { shiftKey: true });
  assert.deepEqual(wire.last("selected"), { t: "selected", epoch: "e", rows: [[1, 2]] });
  assert.equal(text(".xpm-note p"), "2 jobs selected");
  key("k");
  assert.equal(text(".xpm-note p"), "Kill 2 jobs?");
  key("Escape");
  key("Escape");
  assert.deepEqual(wire.last("selected")["rows"], []);
  key("Escape");
  assert.ok((host.querySelector("aside") as HTMLElement).hidden);
});

test("plain keys do not reach the notebook", () => {
  wire.reset([cells(0)]);
  pass();
  let heard = 0;
  host.addEventListener("keydown", () => { heard += 1; });
  rows()[0]?.focus();
  key("x");
  key("d");
  assert.equal(heard, 0);
});

test("search and filters choose, and say when nothing is left", () => {
  wire.reset([cells(0), cells(1, "failed")], run({ running: 1, failed: 1 }));
  pass();
  press("1 failed");
  assert.deepEqual(states(), ["failed"]);
  const search = host.querySelector("input[type=search]") as HTMLInputElement;
  search.value = "lr=0";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  assert.equal(text(".xpm-blank"), 'No job matches"lr=0", failedClear filters');
  press("Clear filters");
  assert.equal(states().length, 2);
});

test("an error of the view says so and the view can be loaded again", () => {
  const log = mock.method(console, "error", () => undefined);
  wire.reset([cells(0)]);
  pass();
  wire.delta(2, { run: { ...run(), counts: null } });
  pass();
  assert.equal(widget.root.dataset["view"], "error");
  assert.match(text(".xpm-blank"), /^This view stopped workingTypeError: .*\. The experiment goes on; only its display failed\.Reload viewCopy details$/);
  press("Reload view");
  wire.reset([cells(0)]);
  pass();
  assert.equal(rows().length, 1);
  log.mock.restore();
});

test("a view that is not on the page asks for nothing, and goes on when it is again", () => {
  wire.reset([cells(0)]);
  host.remove();
  pass(12_000);
  assert.equal(wire.last("bye")["view"], wire.last("hello")["view"]);
  assert.equal(wire.listeners(), 0);
  const sent = wire.sent.length;
  pass(60_000);
  assert.equal(wire.sent.length, sent);
  document.body.append(host);
  pass(2_000);
  assert.equal(wire.last("hello")["seq"], 1);
  assert.equal(wire.listeners(), 3);
});

test("a view that is closed leaves nothing behind", () => {
  wire.reset([cells(0)]);
  widget.dispose();
  assert.equal(wire.last("bye")["view"], wire.last("hello")["view"]);
  assert.equal(wire.listeners(), 0);
  assert.equal(host.childNodes.length, 0);
});

test("what is pressed stays until it is let go, however much changes", () => {
  const frames = mock.method(globalThis, "requestAnimationFrame", (paint: FrameRequestCallback) => Number(setTimeout(() => paint(0), 10)));
  wire.reset([cells(0)], run({ running: 1 }));
  pass();
  const find = (): HTMLElement | undefined => ([...host.querySelectorAll("button")] as HTMLElement[]).find((one) => one.textContent === "Kill all");
  const button = find();
  button?.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true }));
  wire.delta(2, { run: run({ running: 1, done: 1 }) });
  for (let i = 0; i < 10; i += 1) mock.timers.tick(50);
  assert.ok(find() === button);
  button?.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
  for (let i = 0; i < 10; i += 1) mock.timers.tick(50);
  assert.equal(text("[data-hook=done]"), "1 done");
  frames.mock.restore();
});

test("what came last is shown in its order although nothing comes after it", () => {
  wire.reset([cells(0), cells(1)]);
  pass();
  wire.delta(2, { set: [[1, 3, "failed"]] });
  for (let i = 0; i < 60; i += 1) mock.timers.tick(50);
  assert.deepEqual(states(), ["failed", "running"]);
});

test("details tell the peak memory of attempts that left word", async () => {
  wire.reset([cells(0)]);
  pass();
  rows()[0]?.click();
  press("Details");
  const attempt = { n: 1, state: "failed", started: 1, ended: 2, worker: "pid 1 on a", peak_memory: 9_600_000_000 };
  wire.reply(wire.last("ask"), { folder: "/f", launcher: "", tokens: [], needs: [], needs_count: 0, needed_by: [], needed_by_count: 0, attempts: [attempt, { ...attempt, n: 2, peak_memory: null }], submitted: 1 });
  await settle();
  const last = [...host.querySelectorAll(".xpm-tbl tr")].map((row) => row.lastElementChild?.textContent);
  assert.deepEqual(last, ["Peak memory", "9.6 GB", ""]);
});

test("a panel never shows what is of another job, and says when nobody answers any more", async () => {
  wire.reset([cells(0), cells(1)]);
  pass();
  rows()[0]?.click();
  press("Details");
  wire.reply(wire.last("ask"), { folder: "/of/the/first", launcher: "", tokens: [], needs: [], needs_count: 0, needed_by: [], needed_by_count: 0, attempts: [], submitted: 1 });
  await settle();
  assert.match(text(".xpm-pbody"), /of.the.first/);
  rows()[1]?.click();
  assert.equal(text(".xpm-pbody"), "");
  wire.emit("comm:close");
  await settle();
  assert.equal(text(".xpm-pbody"), "The kernel that knew it is gone.");
  press("Parameters");
  await settle();
  assert.equal(text(".xpm-pbody"), "The kernel that knew it is gone.");
});

test("a progress bar overwrites its line, whatever parts it comes in, and what a job prints last is shown", async () => {
  wire.reset([cells(0)]);
  pass();
  rows()[0]?.click();
  const print = async (begin: number, printed: string): Promise<void> => {
    wire.reply(wire.last("ask"), { begin, end: begin + printed.length, size: begin + printed.length, text: printed, exists: true, path: "" });
    await settle();
    mock.timers.tick(250);
    await settle();
  };
  await print(0, "begin\n 10%|# \r");
  await print(14, "\r 20%|##");
  assert.equal(text(".xpm-out"), "begin\n 20%|##");
  assert.equal(text(".xpm-ptools .xpm-end"), "2 lines");
  await print(23, "\x1b[3");
  await print(26, "1m\r 30%|###");
  assert.equal(text(".xpm-out"), "begin\n 30%|###");
  wire.delta(2, { set: [[0, 3, "done"]] });
  pass();
  await print(37, "\rended\n");
  await print(44, "really\n");
  assert.equal(text(".xpm-out"), "begin\nended\nreally\n");
});

test("groups are reached, closed and opened by keys, and keep the focus", () => {
  wire.reset([cells(0, "running", { task: "lab.a" }), cells(1, "done", { task: "lab.b" }), cells(2, "done", { task: "lab.b" })]);
  pass();
  press("Group by task");
  pass();
  const active = (): string => (document.activeElement?.textContent ?? "").slice(0, 2);
  rows()[0]?.focus();
  key("ArrowDown");
  assert.equal(active(), "b2");
  key("ArrowLeft");
  assert.deepEqual(states(), ["running"]);
  wire.delta(2, { set: [[1, 3, "failed"]] });
  pass(500);
  assert.equal(active(), "b2");
  assert.match(document.activeElement?.textContent ?? "", /1 done · 1 failed$/);
  key("a", { ctrlKey: true });
  assert.deepEqual(wire.last("selected")["rows"], [[0, 2]]);
  key("ArrowRight");
  assert.deepEqual(states(), ["failed", "done", "running"]);
  key("ArrowDown");
  key("Enter");
  assert.equal(host.querySelector("aside")?.getAttribute("aria-label"), "Job b");
  assert.equal(document.activeElement?.getAttribute("aria-level"), "2");
});

test("a command for many jobs has the numbers of their rows", () => {
  wire.reset(Array.from({ length: 1_500 }, (_, i) => cells(i)));
  pass();
  rows()[0]?.focus();
  key("a", { ctrlKey: true });
  key("k");
  press("Kill 1,500 jobs");
  const { t, do: what, epoch, rows: numbers, jobs } = wire.last("do");
  assert.deepEqual([t, what, epoch, numbers, jobs], ["do", "kill", "e", [[0, 1_499]], undefined]);
});

test("marks end with the jobs that were marked", () => {
  wire.reset([cells(0), cells(1)]);
  pass();
  widget.pick([cells(0)[0], cells(1)[0]], "add");
  wire.reset([cells(1)], run(), { epoch: "other" });
  pass();
  assert.equal(text(".xpm-note p"), "1 job selected");
  assert.deepEqual(wire.last("selected"), { t: "selected", epoch: "other", rows: [[0, 0]] });
});

test("what cannot be copied is not said to be, and a button has its name again", () => {
  wire.reset([cells(0)]);
  pass();
  widget.pick([cells(0)[0]], "add");
  press("Copy paths");
  mock.timers.tick(1_000);
  press("Not allowed");
  mock.timers.tick(3_000);
  press("Copy paths");
});

test("the log keeps its place on the page while lines come", () => {
  wire.reset([cells(0)], run(), { log: [[1, "info", "first"]] });
  pass();
  widget.show("Log");
  const log = host.querySelector("[role=log]");
  wire.delta(2, { log: [[2, "error", "second"]] });
  pass();
  assert.ok(host.querySelector("[role=log]") === log);
  assert.equal(text(".xpm-ev .xpm-any"), "second");
});

test("the table is sorted by keys", () => {
  wire.reset([cells(0), cells(1, "failed"), cells(2)]);
  pass();
  rows()[0]?.focus();
  key("ArrowUp");
  assert.equal(document.activeElement?.textContent, "State↑");
  key("ArrowRight");
  key("ArrowRight");
  assert.equal(document.activeElement?.textContent, "lr");
  (document.activeElement as HTMLElement).click();
  assert.deepEqual(states(), ["running", "failed", "running"]);
  assert.equal(document.activeElement?.textContent, "lr↑");
  key("ArrowDown");
  assert.equal((document.activeElement as HTMLElement).dataset["state"], "failed");  // the row that had the focus
});

test("a filter dims the tasks of which no job matches", async () => {
  wire.reset([cells(0, "failed", { task: "lab.a" }), cells(1, "done", { task: "lab.b" })], run({ failed: 1, done: 1 }));
  pass();
  press("1 failed");
  widget.show("Graph");
  wire.reply(wire.last("ask"), { jobs: [[0, 1]], tasks: [["lab.a", "lab.b"]] });
  await settle();
  press("Collapse by task");
  assert.deepEqual([...host.querySelectorAll(".xpm-box.out")].map((box) => (box as HTMLElement).dataset["box"]), ["lab.b"]);
});

test("marked jobs can be commanded also while a task is paused or another process has the run", () => {
  wire.reset([cells(0)], run({ running: 1 }, { status: "held", holder: "pid 1", paused: { "lab.train": "no module" } }));
  pass();
  assert.match(text(".xpm-note p"), /^Another process has this experiment/);
  widget.pick([cells(0)[0]], "add");
  assert.equal(text(".xpm-note p"), "1 job selected");
  press("Clear");
  assert.match(text(".xpm-note p"), /^Another process has this experiment/);
});

test("a run of another process for which nobody waits any more says so", () => {
  wire.reset([cells(0)], run({ running: 1 }, { note: "The experiment 'first' was given up." }));
  pass();
  assert.equal(text(".xpm-note p"), "The experiment 'first' was given up.");
});

test("a run that is at rest offers to retry what failed", () => {
  wire.reset([cells(0, "failed"), cells(1, "skipped")], run({ failed: 1, skipped: 1 }, { status: "idle" }));
  pass();
  press("Retry failed jobs");
  assert.equal(text(".xpm-note p"), "Run 1 failed job again, and the 1 job that was skipped because of it?");
  press("Retry 1 job");
  assert.deepEqual(wire.last("do")["states"], ["failed", "killed"]);
});
