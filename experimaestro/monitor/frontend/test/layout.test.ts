import assert from "node:assert/strict";
import { test } from "node:test";
import { layout } from "../src/layout.ts";

test("a node stands after the longest way to it", () => {
  const made = layout(["a", "b", "c", "d"], [["a", "b"], ["b", "c"], ["a", "c"], ["a", "d"]]);
  assert.deepEqual(made.layers, [["a"], ["b", "d"], ["c"]]);
});

test("an edge that a longer way implies is left out", () => {
  const made = layout(["a", "b", "c"], [["a", "b"], ["b", "c"], ["a", "c"]]);
  assert.deepEqual(made.lanes.map(({ from, to }) => `${from}${to}`), ["ab", "bc"]);
});

test("an edge over layers has a place of its own in each", () => {
  const made = layout(["a", "b", "c", "d", "e"], [["a", "b"], ["b", "c"], ["c", "d"], ["e", "d"]]);
  const lane = made.lanes.find(({ from }) => from === "e");
  assert.deepEqual(lane?.via.map((way) => way.layer), [1, 2]);
});

test("no two nodes of a layer are nearer than one row", () => {
  const nodes = Array.from({ length: 60 }, (_, i) => `n${i}`);
  const edges = nodes.flatMap((node, i): [string, string][] => (i > 3 ? [[nodes[(i * 7) % i] as string, node], [nodes[(i * 3) % i] as string, node]] : []));
  const made = layout(nodes, edges);
  for (const layer of made.layers) {
    const ys = layer.map((node) => made.places.get(node)?.y ?? 0).sort((a, b) => a - b);
    for (let i = 1; i < ys.length; i += 1) assert.ok((ys[i] ?? 0) - (ys[i - 1] ?? 0) >= 0.999);
  }
});

test("edges of nodes that are not there, and of a node to itself, are ignored", () => {
  assert.equal(layout(["a"], [["a", "z"], ["a", "a"]]).lanes.length, 0);
});

test("a chain of 2,000 and a diamond of 200 are placed", () => {
  const chain = Array.from({ length: 2_000 }, (_, i) => String(i));
  assert.equal(depthOf(chain), 2_000);
  const wide = Array.from({ length: 198 }, (_, i) => `m${i}`);
  const made = layout(["a", ...wide, "z"], wide.flatMap((one): [string, string][] => [["a", one], [one, "z"]]));
  assert.equal(made.rows, 198);
});

const depthOf = (nodes: string[]): number =>
  layout(nodes, nodes.slice(1).map((node, i): [string, string] => [nodes[i] as string, node])).layers.length;
