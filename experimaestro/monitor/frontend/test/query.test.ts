import assert from "node:assert/strict";
import { test } from "node:test";
import { columns } from "../src/columns.ts";
import { about, bytes, clock } from "../src/format.ts";
import { shorter } from "../src/panel/error.ts";
import { beginsWithMost, isGroup, lines, type Query } from "../src/query.ts";
import { Screen, visible } from "../src/screen.ts";
import { Store } from "../src/store.ts";
import { cells, run } from "./page.ts";

const query = (more: Partial<Query> = {}): Query =>
  ({ search: "", states: new Set(), sort: "state", descending: false, grouped: false, closed: new Set(), ...more });

function names(states: [string, Record<string, string>, string?][], more: Partial<Query> = {}): string[] {
  const store = new Store();
  store.reset({ t: "reset", to: "v", epoch: "e", seq: 1, part: 0, parts: 1, run: run(), log: [],
    rows: states.map(([state, tags, task], i) => cells(i, state, { tags, ...(task ? { task } : {}) })) });
  return lines(store.rows, query(more), 200).map((line) => (isGroup(line) ? `# ${line.name}` : String(line.n)));
}

test("trouble comes first, then the order of submission", () => {
  assert.deepEqual(names([["done", {}], ["running", {}], ["failed", {}], ["waiting", {}], ["failed", {}]]), ["2", "4", "1", "3", "0"]);
});

test("every word of a search must be in task, identifier or tag", () => {
  const jobs: [string, Record<string, string>, string?][] = [["done", { lr: "0.1" }], ["done", { lr: "0.2" }, "lab.Test"], ["done", {}]];
  assert.deepEqual(names(jobs, { search: "lr=0.1" }), ["0"]);
  assert.deepEqual(names(jobs, { search: "  TEST lr " }), ["1"]);
  assert.deepEqual(names(jobs, { search: "nothing" }), []);
});

test("states are filtered as they are counted", () => {
  assert.deepEqual(names([["queued", {}], ["killed", {}], ["done", {}]], { states: new Set(["waiting", "failed"]) }), ["1", "0"]);
});

test("tags are sorted as numbers where they are numbers, what has none comes last", () => {
  const jobs: [string, Record<string, string>][] = [["done", { lr: "10" }], ["done", {}], ["done", { lr: "1e-3" }], ["done", { lr: "auto" }]];
  assert.deepEqual(names(jobs, { sort: "tag:lr" }), ["2", "0", "3", "1"]);
  assert.deepEqual(names(jobs, { sort: "tag:lr", descending: true }), ["3", "0", "2", "1"]);
});

test("groups are in the order of the sort and may be closed", () => {
  const jobs: [string, Record<string, string>, string?][] = [["done", {}, "lab.a"], ["failed", {}, "lab.b"], ["running", {}, "lab.a"]];
  assert.deepEqual(names(jobs, { grouped: true }), ["# b", "1", "# a", "2", "0"]);
  assert.deepEqual(names(jobs, { grouped: true, closed: new Set(["lab.a"]) }), ["# b", "1", "# a"]);
});

test("columns depend on width and tags", () => {
  const keys = (width: number, tags: [string, number][] = [["lr", 4]]): string =>
    columns(width, 12, new Map(tags)).map((column) => column.key).join(" ");
  assert.equal(keys(900), "pick state task tag:lr progress duration action");
  assert.equal(keys(1400), "pick state task tag:lr progress started duration action");
  assert.equal(keys(500), "pick state task tags progress duration");
  assert.equal(keys(400), "state task tags progress");
  assert.equal(keys(900, Array.from({ length: 12 }, (_, i) => [`tag${i}`, 30])), "pick state task tags progress duration action");
});

test("columns never need more than there is", () => {
  for (const em of [12, 16]) {
    for (let width = 340; width < 1700; width += 1) {
      for (const tags of [[], [["lr", 4]], Array.from({ length: 5 }, (_, i) => [`tag${i}`, 30])] as [string, number][][]) {
        const made = columns(width, em, new Map(tags));
        const needed = made.reduce((all, column) => all + parseFloat(column.width.replace("minmax(", "")), 0) + 10 * (made.length - 1) + 20;
        assert.ok(needed <= width, `${needed} of ${width} at ${em}`);
      }
    }
  }
});

test("what takes longest comes first where that is asked for", () => {
  const store = new Store();
  store.reset({ t: "reset", to: "", epoch: "e", seq: 0, part: 0, parts: 1, rows: [cells(0, "done"), cells(1, "running")], run: run() });
  store.rows.forEach((row, i) => { row.started = 0; row.ended = 10 * (i + 1); });
  const order = (descending: boolean): number[] => lines(store.rows, query({ sort: "duration", descending }), 0).map((line) => (isGroup(line) ? -1 : line.n));
  assert.deepEqual([beginsWithMost("duration"), order(true), order(false)], [true, [1, 0], [0, 1]]);
});

test("times are told in the words of the guide", () => {
  assert.deepEqual([clock(62), clock(3662), clock(-1)], ["01:02", "1:01:02", "00:00"]);
  assert.deepEqual([about(12), about(540), about(9000), about(200000)], ["less than a minute", "about 9 min", "about 2 h 30 min", "about 2 d"]);
  assert.deepEqual([bytes(12), bytes(2_100_000_000), bytes(64_000)], ["12 B", "2.1 GB", "64 kB"]);
});

test("of a long path the name of the file is seen", () => {
  assert.equal(shorter("/data/lab/textlab/tasks/train.py"), "textlab/tasks/train.py");
  assert.equal(shorter(`/runs/jobs/lab.train/${"0".repeat(64)}/__notebook__.py`), "__notebook__.py");
});

test("of a log only what a terminal would show is left", () => {
  assert.equal(visible("a\x1b[31mred\x1b[0m\n10%\r20%\r\nnext\x07"), "ared\n20%\nnext\ufffd");
});

test("bars one above the other are each seen once, whatever parts they come in", () => {
  const printed = "epochs\n\r 0%|\n\r batch 1\x1b[A\n\r batch 2\x1b[A\r50%|#\n\r\x1b[K batch 1\x1b[A\r100%|##\n\r          \r\x1b[A\n\ndone\n";
  for (const size of [1, 2, 7, 1_000]) {
    const screen = new Screen();
    let text = "";
    for (let at = 0; at < printed.length; at += size) text += screen.write(printed.slice(at, at + size));
    assert.equal((text + screen.rest).replace(/ +$/gm, ""), "epochs\n100%|##\n\ndone\n");
  }
});

test("what cannot change any more is settled, and an endless line too", () => {
  const screen = new Screen();
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join("");
  const settled = screen.write(lines);
  assert.equal(settled + screen.rest, lines);
  assert.ok(settled.length > lines.length / 2);
  assert.ok(screen.write("x".repeat(100_000)).length > 99_000);
  screen.write("y");
  assert.equal(screen.rest, "y");
});
