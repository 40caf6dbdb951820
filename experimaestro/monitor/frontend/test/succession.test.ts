import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Succession, type Heir } from "../src/succession.ts";
import { initial, type Ui } from "../src/ui.ts";

interface Place extends Heir {
  root: { isConnected: boolean };
  adopted: Ui | null;
}

function view(search = ""): Place {
  return { ui: { ...initial(), search }, root: { isConnected: true }, adopted: null, adopt(ui) { this.adopted = ui; } };
}

function begun(...views: Place[]): Succession {
  const succession = new Succession();
  for (const one of views) succession.begin(one);
  mock.timers.tick(1_000);
  return succession;
}

test("a view takes over from one that went without a word", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const [old, next] = [view("lr=1"), view()];
  const succession = begun(old);
  succession.begin(next);
  old.root.isConnected = false;
  mock.timers.tick(1_000);
  assert.deepEqual(next.adopted, old.ui);
  assert.notEqual(next.adopted, old.ui);
  mock.timers.reset();
});

test("a second view of the same run keeps its own choices", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const [first, second] = [view(), view()];
  begun(first, second);
  assert.equal(second.adopted, null);
  mock.timers.reset();
});

test("a view that was closed leaves nothing", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const [first, second] = [view(), view()];
  const succession = begun(first);
  succession.end(first);
  first.root.isConnected = false;
  succession.begin(second);
  mock.timers.tick(1_000);
  assert.equal(second.adopted, null);
  mock.timers.reset();
});
