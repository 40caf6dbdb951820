/**
 * The dependencies, left to right: a node for each job, or, above 200 jobs, a box for each task.
 * The edges are asked for when the graph is shown and when jobs were submitted since.
 */

import { bar, type Counts } from "./bar.ts";
import { blank, cut, h, icon, s } from "./dom.ts";
import { count, shortName } from "./format.ts";
import { layout, type Layout, type Place } from "./layout.ts";
import type { Counted, Dependencies } from "./messages.ts";
import { matcher } from "./query.ts";
import { countedAs, stateName } from "./states.ts";
import { tagText, type Row } from "./store.ts";
import { GRAPH_JOBS } from "./tabs.ts";
import type { Part, View } from "./view.ts";

const TOP = 28;
const BOX = 66;
const BOX_GAP = 96;
const WORST: readonly Counted[] = ["failed", "running", "waiting", "skipped", "done"];

export class Graph implements Part {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #asked = -1;
  #edges: Dependencies = { jobs: [], tasks: [] };
  #layout: Layout | null = null;
  #drawn = "";
  #revealed: string | null = null;
  #nodes = new Map<string, HTMLElement>();
  #scroll = h("div", { class: "xpm-scroll" });
  #pen: CanvasRenderingContext2D | null = document.createElement("canvas").getContext("2d");

  constructor(view: View) {
    this.#view = view;
  }

  paint(): void {
    const { store, ui } = this.#view;
    if (store.rows.length === 0) {
      this.element.replaceChildren(blank("No job yet", ["The graph of jobs and their dependencies is drawn as tasks are submitted."]));
      this.#drawn = "";
      return;
    }
    if (this.#asked !== store.rows.length) void this.#ask();
    if (this.#layout === null) return;
    const shape = JSON.stringify([
      this.#asked, this.#collapsed(), this.element.clientWidth, this.element.clientHeight, ui.fit, ui.open, ui.search, [...ui.states],
      this.#collapsed() ? store.run?.counts : store.order]);
    if (shape === this.#drawn) return;
    this.#drawn = shape;
    this.#draw();
  }

  resize(): void {
    this.paint();
  }

  #collapsed(): boolean {
    return this.#view.ui.collapsed || this.#view.store.rows.length > GRAPH_JOBS;
  }

  async #ask(): Promise<void> {
    const { store, connection } = this.#view;
    const asked = this.#asked = store.rows.length;
    const reply = await connection.ask("graph");
    if (!reply.ok || this.#asked !== asked) return;
    this.#edges = reply.data as Dependencies;
    this.#layout = this.#arrange();
    this.#drawn = "";
    this.paint();
  }

  #wasCollapsed = false;

  #arrange(): Layout {
    const { rows } = this.#view.store;
    this.#wasCollapsed = this.#collapsed() || this.#edges.jobs === null;
    if (this.#wasCollapsed) return layout([...new Set(rows.map((row) => row.task))], this.#edges.tasks);
    const key = (n: number): string => rows[n]?.key ?? "";
    return layout(rows.map((row) => row.key), (this.#edges.jobs ?? []).map(([a, b]) => [key(a), key(b)]));
  }

  #draw(): void {
    if (this.#wasCollapsed !== (this.#collapsed() || this.#edges.jobs === null)) this.#layout = this.#arrange();
    const { scrollLeft, scrollTop } = this.#scroll;
    const active = (this.element.getRootNode() as Document | ShadowRoot).activeElement;
    const focused = active instanceof HTMLElement && this.element.contains(active) ? active.dataset["node"] ?? active.dataset["box"] : undefined;
    this.#nodes.clear();
    const canvas = h("div", { "class": "xpm-canvas", "dir": "ltr", "role": "tree", "aria-label": "Dependencies" });
    const edges = s("svg", { class: "edges", "aria-hidden": "true" });
    canvas.append(edges);
    const [width, height] = this.#wasCollapsed ? this.#tasks(canvas, edges) : this.#jobs(canvas, edges);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    edges.setAttribute("width", String(width));
    edges.setAttribute("height", String(height));
    if (this.#view.ui.fit) {
      const scale = Math.min(1, this.element.clientWidth / width, this.element.clientHeight / height);
      canvas.style.transform = `scale(${scale})`;
      canvas.style.transformOrigin = "0 0";
      this.#scroll.style.overflow = "hidden";
    } else {
      this.#scroll.style.overflow = "";
    }
    canvas.addEventListener("keydown", (event) => this.#key(event));
    this.#scroll.replaceChildren(canvas);
    this.element.replaceChildren(this.#scroll);
    this.#scroll.scrollTo(scrollLeft, scrollTop);
    this.#reveal();
    if (focused !== undefined) this.#nodes.get(focused)?.focus({ preventScroll: true });
  }

  /** Brings the job of the panel in sight, once. */
  #reveal(): void {
    const { open } = this.#view.ui;
    const node = open === null || open === this.#revealed ? undefined : this.#nodes.get(open);
    this.#revealed = open;
    if (node === undefined) return;
    const { scrollLeft, clientWidth, scrollTop, clientHeight } = this.#scroll;
    const { offsetLeft: x, offsetTop: y, offsetWidth: width } = node;
    if (x < scrollLeft || x + width > scrollLeft + clientWidth) this.#scroll.scrollLeft = x - clientWidth / 3;
    if (y < scrollTop || y + TOP > scrollTop + clientHeight) this.#scroll.scrollTop = y - clientHeight / 2;
  }

  // Jobs.

  #jobs(canvas: HTMLElement, edges: SVGElement): [number, number] {
    const { store, ui } = this.#view;
    const made = this.#layout as Layout;
    const rows = made.layers.map((layer) => layer.map((key) => store.find(key)).filter((row) => row !== undefined));
    const single = rows.map((layer) => new Set(layer.map((row) => row.task)).size === 1);
    const label = (row: Row, layer: number): string => {
      const tags = Object.values(row.tags).join("  ");
      return single[layer] ? tags || row.name : `${row.name}  ${tags}`.trim();
    };
    const heads = rows.map((layer) => {
      const tasks = new Map<string, number>();
      for (const row of layer) tasks.set(row.name, (tasks.get(row.name) ?? 0) + 1);
      return [...tasks].map(([name, n]) => (n > 1 ? `${name} ${n}` : name)).join(", ");
    });
    const size = (row: Row, layer: number): number => Math.min(170, 29 + Math.ceil(this.#textWidth(label(row, layer))));
    const wide = rows.map((layer, i) => Math.max(44, ...layer.map((row) => size(row, i)), Math.min(130, Math.ceil(this.#textWidth(heads[i] ?? "")))));
    const W = this.element.clientWidth;
    const H = this.element.clientHeight;
    const gap = Math.max(34, Math.min(110, (W - 22 - wide.reduce((a, b) => a + b, 0)) / Math.max(1, rows.length - 1)));
    const xs: number[] = [];
    let x = 10;
    for (const w of wide) { xs.push(x); x += w + gap; }
    const pitch = Math.max(16, Math.min(22, (H - TOP - 6) / Math.max(1, made.rows)));
    const width = Math.max(W, x - gap + 10);
    const height = Math.max(H - 2, TOP + made.rows * pitch + 4);

    const related = this.#related(made);
    if (related !== null) { canvas.classList.add("dim"); edges.classList.add("dim"); }
    const at = (place: Place): [number, number] => [xs[place.layer] ?? 0, TOP + place.y * pitch + 8.5];
    for (const lane of made.lanes) {
      const from = store.find(lane.from);
      const start = made.places.get(lane.from);
      const end = made.places.get(lane.to);
      if (from === undefined || start === undefined || end === undefined) continue;
      let [px, py] = at(start);
      px += size(from, start.layer);
      let d = "";
      for (const way of lane.via) {
        const [wx, wy] = at(way);
        d += `${curve(px, py, wx, wy)}H${wx + (wide[way.layer] ?? 0)}`;
        [px, py] = [wx + (wide[way.layer] ?? 0), wy];
      }
      const [ex, ey] = at(end);
      const kind = [["failed", "killed", "skipped"].includes(from.state) ? "cut" : "", related?.lane(lane.from, lane.to) ? "on" : ""].filter(Boolean).join(" ");
      edges.append(s("path", { d: d + curve(px, py, ex, ey), ...(kind ? { class: kind } : {}) }));
    }
    const matches = matcher(ui);
    const first = ui.open ?? rows[0]?.[0]?.key;
    rows.forEach((layer, i) => {
      canvas.append(h("span", { class: "xpm-col xpm-cut", style: `left:${(xs[i] ?? 0) + 3}px;width:${(wide[i] ?? 0) + gap - 8}px`, title: heads[i] ?? "" }, heads[i] ?? ""));
      for (const row of layer) {
        const [px, py] = at(made.places.get(row.key) as Place);
        const text = label(row, i);
        const node = h("button", {
          "class": `xpm-node${ui.open === row.key ? " open" : ""}${related?.has(row.key) ? " rel" : ""}${matches(row) ? "" : " out"}`,
          "type": "button", "role": "treeitem", "tabindex": row.key === first ? 0 : -1, "data-node": row.key, "data-s": stateName(row.state),
          "style": `left:${px}px;top:${py - 8.5}px;width:${size(row, i)}px`, "title": `${row.name} ${tagText(row)}: ${row.state}`,
          "aria-label": `${row.name} ${tagText(row)}, ${row.state}`, "onclick": () => this.#view.open(row.key),
        }, icon(row.state), h("bdi", { class: "xpm-cut", dir: "auto" }, text));
        this.#nodes.set(row.key, node);
        canvas.append(node);
      }
    });
    return [width, height];
  }

  /** What the chosen job needs, and what needs it. */
  #related(made: Layout): { has(key: string): boolean; lane(from: string, to: string): boolean } | null {
    const { open } = this.#view.ui;
    if (open === null || !made.places.has(open)) return null;
    const reach = (next: (key: string) => string[]): Set<string> => {
      const found = new Set([open]);
      const stack = [open];
      for (let key = stack.pop(); key !== undefined; key = stack.pop()) {
        for (const one of next(key)) if (!found.has(one)) { found.add(one); stack.push(one); }
      }
      return found;
    };
    const before = reach((key) => made.lanes.filter((lane) => lane.to === key).map((lane) => lane.from));
    const after = reach((key) => made.lanes.filter((lane) => lane.from === key).map((lane) => lane.to));
    return {
      has: (key) => before.has(key) || after.has(key),
      lane: (from, to) => (before.has(from) && before.has(to)) || (after.has(from) && after.has(to)),
    };
  }

  // Tasks.

  #tasks(canvas: HTMLElement, edges: SVGElement): [number, number] {
    const { store, ui } = this.#view;
    const made = this.#layout as Layout;
    const counts = new Map<string, Counts>();
    const totals = new Map<string, number>();
    const matches = matcher(ui);
    const matching = new Set<string>();
    for (const row of store.rows) {
      const of = counts.get(row.task) ?? {};
      const state = countedAs(row.state);
      of[state] = (of[state] ?? 0) + 1;
      counts.set(row.task, of);
      totals.set(row.task, (totals.get(row.task) ?? 0) + 1);
      if (!matching.has(row.task) && matches(row)) matching.add(row.task);
    }
    const layers = made.layers.length;
    const W = this.element.clientWidth;
    const wide = Math.max(112, Math.min(156, (W - 24) / layers - 34));
    const gap = Math.max(30, Math.min(64, (W - 24 - layers * wide) / Math.max(1, layers - 1)));
    const width = Math.max(W, 24 + layers * wide + (layers - 1) * gap);
    const height = Math.max(this.element.clientHeight - 2, made.rows * BOX_GAP + 20);
    const top = height / 2 - (made.rows * BOX_GAP) / 2 + (BOX_GAP - BOX) / 2;
    const at = (place: Place): [number, number] => [12 + place.layer * (wide + gap), top + place.y * BOX_GAP];
    for (const lane of made.lanes) {
      let [px, py] = at(made.places.get(lane.from) as Place);
      px += wide;
      let d = "";
      for (const way of lane.via) {
        const [wx, wy] = at(way);
        d += `${curve(px, py + BOX / 2, wx, wy + BOX / 2)}H${wx + wide}`;
        [px, py] = [wx + wide, wy];
      }
      const [ex, ey] = at(made.places.get(lane.to) as Place);
      edges.append(s("path", { d: d + curve(px, py + BOX / 2, ex, ey + BOX / 2) }));
    }
    let first = true;
    for (const [task, place] of made.places) {
      const of = counts.get(task) ?? {};
      const [px, py] = at(place);
      const show = (): void => { ui.search = task; this.#view.show("Jobs"); };
      const text = WORST.filter((state) => of[state]).map((state) => `${count(of[state] ?? 0)} ${state}`).slice(0, wide < 150 ? 1 : 2).join(" · ");
      const box = h("button", {
        "class": `xpm-box${matching.has(task) ? "" : " out"}`, "type": "button", "role": "treeitem", "tabindex": first ? 0 : -1, "data-box": task,
        "style": `left:${px}px;top:${py}px;width:${wide}px`, "title": "Show these jobs in the table", "onclick": show,
      }, h("span", {}, cut(shortName(task), "xpm-mid"), h("span", { class: "xpm-muted" }, count(totals.get(task) ?? 0))),
        bar(of, "mini"), h("span", { class: "xpm-muted xpm-cut xpm-small" }, text));
      first = false;
      this.#nodes.set(task, box);
      canvas.append(box);
    }
    return [width, height];
  }

  // Keys.

  #key(event: KeyboardEvent): void {
    const made = this.#layout;
    const target = event.target as HTMLElement;
    const key = target.dataset["node"] ?? target.dataset["box"];
    if (made === null || key === undefined) return;
    const here = made.places.get(key);
    if (here === undefined) return;
    const column = [...(made.layers[here.layer] ?? [])].sort((a, b) => (made.places.get(a)?.y ?? 0) - (made.places.get(b)?.y ?? 0));
    const nearest = (keys: string[]): string | undefined =>
      keys.sort((a, b) => Math.abs((made.places.get(a)?.y ?? 0) - here.y) - Math.abs((made.places.get(b)?.y ?? 0) - here.y))[0];
    const next = ({
      ArrowDown: () => column[column.indexOf(key) + 1],
      ArrowUp: () => column[column.indexOf(key) - 1],
      ArrowRight: () => nearest(made.lanes.filter((lane) => lane.from === key).map((lane) => lane.to)),
      ArrowLeft: () => nearest(made.lanes.filter((lane) => lane.to === key).map((lane) => lane.from)),
    } as Record<string, () => string | undefined>)[event.key]?.();
    if (next === undefined) return;
    target.tabIndex = -1;
    const node = this.#nodes.get(next);
    if (node !== undefined) { node.tabIndex = 0; node.focus(); }
    event.preventDefault();
  }

  #textWidth(text: string): number {
    if (this.#pen === null) return text.length * 6.2;
    const style = getComputedStyle(this.#view.root);
    this.#pen.font = `${this.#view.em() - 1}px ${style.fontFamily}`;
    return this.#pen.measureText(text).width;
  }
}

function curve(x1: number, y1: number, x2: number, y2: number): string {
  const m = Math.min(60, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + m} ${y1} ${x2 - m} ${y2} ${x2} ${y2}`;
}
