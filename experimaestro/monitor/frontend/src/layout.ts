/**
 * Places of a layered graph, left to right. Pure.
 *
 * A layer holds what has the same longest path from a start. An edge that a longer path implies is
 * left out; one that spans layers gets a way point in each, so that it has a lane of its own. The
 * order in a layer follows the neighbours (barycentres, a few sweeps), as Sugiyama et al. do it
 * (IEEE Trans. SMC 11, 1981).
 */

export interface Place {
  /** Index of the layer */
  layer: number;
  /** Position in the layer, from 0, in rows; not always whole */
  y: number;
}

export interface Lane {
  from: string;
  to: string;
  /** Places between the two, one for each layer that is passed */
  via: Place[];
}

export interface Layout {
  layers: string[][];
  places: Map<string, Place>;
  lanes: Lane[];
  /** Rows of the highest layer */
  rows: number;
}

const SWEEPS = 4;

/** Layers by longest path, in the order in which nodes were given. */
function depths(nodes: readonly string[], needs: Map<string, string[]>): Map<string, number> {
  const depth = new Map<string, number>();
  for (const start of nodes) {
    const stack = [start];
    while (stack.length) {
      const node = stack[stack.length - 1] as string;
      const above = needs.get(node) ?? [];
      const open = above.filter((one) => !depth.has(one));
      if (depth.has(node) || open.length === 0) {
        if (!depth.has(node)) depth.set(node, above.length ? 1 + Math.max(...above.map((one) => depth.get(one) ?? 0)) : 0);
        stack.pop();
      } else {
        stack.push(...open);
      }
    }
  }
  return depth;
}

/** Without the edges that a longer path implies. */
function reduced(nodes: readonly string[], needs: Map<string, string[]>, depth: Map<string, number>): Map<string, string[]> {
  const above = new Map<string, Set<string>>();
  const order = [...nodes].sort((a, b) => (depth.get(a) ?? 0) - (depth.get(b) ?? 0));
  for (const node of order) {
    const all = new Set<string>();
    for (const need of needs.get(node) ?? []) {
      all.add(need);
      for (const one of above.get(need) ?? []) all.add(one);
    }
    above.set(node, all);
  }
  return new Map(nodes.map((node) => {
    const direct = needs.get(node) ?? [];
    return [node, direct.filter((need) => !direct.some((other) => other !== need && above.get(other)?.has(need)))];
  }));
}

export function layout(nodes: readonly string[], edges: readonly (readonly [from: string, to: string])[]): Layout {
  const known = new Set(nodes);
  const all = new Map<string, string[]>(nodes.map((node) => [node, []]));
  for (const [from, to] of edges) if (known.has(from) && known.has(to) && from !== to) all.get(to)?.push(from);
  const depth = depths(nodes, all);
  const needs = reduced(nodes, all, depth);

  const slots: string[][] = [];
  const put = (node: string, layer: number): void => { (slots[layer] ??= []).push(node); };
  for (const node of nodes) put(node, depth.get(node) ?? 0);
  const before = new Map<string, string[]>();
  const after = new Map<string, string[]>();
  const link = (a: string, b: string): void => {
    (after.get(a) ?? after.set(a, []).get(a))?.push(b);
    (before.get(b) ?? before.set(b, []).get(b))?.push(a);
  };
  const chains: { from: string; to: string; via: string[] }[] = [];
  for (const [to, froms] of needs) {
    for (const from of froms) {
      const via: string[] = [];
      let last = from;
      for (let layer = (depth.get(from) ?? 0) + 1; layer < (depth.get(to) ?? 0); layer += 1) {
        const way = `\u0000${from}\u0000${to}\u0000${layer}`;
        put(way, layer);
        link(last, way);
        via.push(way);
        last = way;
      }
      link(last, to);
      chains.push({ from, to, via });
    }
  }

  const y = new Map<string, number>();
  const number = (layer: string[]): void => layer.forEach((node, i) => y.set(node, i));
  const middle = (node: string, near: Map<string, string[]>): number => {
    const around = near.get(node) ?? [];
    return around.length ? around.reduce((sum, one) => sum + (y.get(one) ?? 0), 0) / around.length : y.get(node) ?? 0;
  };
  slots.forEach(number);
  const sort = (layer: string[], near: Map<string, string[]>): void => {
    const key = new Map(layer.map((node) => [node, middle(node, near)]));
    layer.sort((a, b) => (key.get(a) ?? 0) - (key.get(b) ?? 0));
    number(layer);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (let i = 1; i < slots.length; i += 1) sort(slots[i] ?? [], before);
    for (let i = slots.length - 2; i >= 0; i -= 1) sort(slots[i] ?? [], after);
  }

  const highest = slots.reduce((best, layer, i) => (layer.length > (slots[best]?.length ?? 0) ? i : best), 0);
  const rows = slots[highest]?.length ?? 0;
  const settle = (layer: string[], near: Map<string, string[]>): void => {
    const key = new Map(layer.map((node) => [node, middle(node, near)]));
    layer.sort((a, b) => (key.get(a) ?? 0) - (key.get(b) ?? 0));
    let last = -1;
    for (const node of layer) y.set(node, last = Math.max(key.get(node) ?? 0, last + 1));
    let limit = rows - 1;
    for (const node of [...layer].reverse()) {
      const placed = Math.min(y.get(node) ?? 0, limit);
      y.set(node, placed);
      limit = placed - 1;
    }
  };
  number(slots[highest] ?? []);
  for (let i = highest + 1; i < slots.length; i += 1) settle(slots[i] ?? [], before);
  for (let i = highest - 1; i >= 0; i -= 1) settle(slots[i] ?? [], after);

  const place = (node: string, layer: number): Place => ({ layer, y: y.get(node) ?? 0 });
  return {
    layers: slots.map((layer) => layer.filter((node) => known.has(node))),
    places: new Map(nodes.map((node) => [node, place(node, depth.get(node) ?? 0)])),
    lanes: chains.map(({ from, to, via }) => ({ from, to, via: via.map((way, i) => place(way, (depth.get(from) ?? 0) + 1 + i)) })),
    rows,
  };
}
