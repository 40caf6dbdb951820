import assert from "node:assert/strict";
import { test } from "node:test";
import { Store } from "../src/store.ts";
import { ranges } from "../src/connection.ts";
import type { Delta, Reset } from "../src/messages.ts";
import { cells, run } from "./page.ts";

const reset = (more: Partial<Reset> = {}): Reset =>
  ({ t: "reset", to: "v", epoch: "e", seq: 1, part: 0, parts: 1, rows: [cells(0), cells(1)], run: run(), log: [], ...more });
const delta = (seq: number, more: Partial<Delta> = {}): Delta => ({ t: "delta", epoch: "e", seq, ...more });

test("a reset brings all rows, a delta changes cells and adds rows", () => {
  const store = new Store();
  assert.equal(store.reset(reset()), "taken");
  assert.equal(store.delta(delta(2, { set: [[1, 3, "done"]], add: [cells(2, "waiting")] })), "taken");
  assert.deepEqual(store.rows.map((row) => row.state), ["running", "done", "waiting"]);
  assert.equal(store.find(cells(2)[0])?.n, 2);
});

test("a missing number or another epoch is a gap, an old number is ignored", () => {
  const store = new Store();
  store.reset(reset());
  assert.equal(store.delta(delta(3)), "gap");
  assert.equal(store.delta(delta(1)), "ignored");
  assert.equal(store.delta({ ...delta(2), epoch: "other" }), "gap");
  assert.equal(store.seq, 1);
});

test("a delta before the first reset is ignored", () => {
  assert.equal(new Store().delta(delta(5)), "ignored");
});

test("a reset in parts is shown when it is whole", () => {
  const store = new Store();
  assert.equal(store.reset(reset({ parts: 2 })), "ignored");
  assert.equal(store.rows.length, 0);
  assert.equal(store.reset({ ...reset({ part: 1, parts: 2, rows: [cells(2)] }) }), "taken");
  assert.equal(store.rows.length, 3);
});

test("a reset that misses a part is a gap", () => {
  const store = new Store();
  store.reset(reset({ parts: 3 }));
  assert.equal(store.reset(reset({ part: 2, parts: 3 })), "gap");
});

test("a delta that names a row that is not there is a gap", () => {
  const store = new Store();
  store.reset(reset());
  assert.equal(store.delta(delta(2, { set: [[99, 3, "done"]] })), "gap");
});

test("what was commanded is shown until the state changes", () => {
  const store = new Store();
  store.reset(reset());
  (store.rows[0] as { pending: string }).pending = "killing";
  store.delta(delta(2, { set: [[0, 4, "epoch 2"]] }));
  assert.equal(store.rows[0]?.pending, "killing");
  store.delta(delta(3, { set: [[0, 3, "killed"]] }));
  assert.equal(store.rows[0]?.pending, "");
});

test("a tag may have a name that every object has", () => {
  const store = new Store();
  store.reset(reset({ rows: [cells(0, "done", { tags: { constructor: "1" } }), cells(1, "done", { tags: {} })] }));
  assert.deepEqual(store.rows.map((row) => row.tags["constructor"]), ["1", undefined]);
});

test("numbers of rows are sent as ranges", () => {
  assert.deepEqual(ranges([7, 2, 0, 1, 9, 8]), [[0, 2], [7, 9]]);
  assert.deepEqual(ranges([]), []);
});
