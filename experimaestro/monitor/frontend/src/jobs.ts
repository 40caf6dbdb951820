/**
 * The table of jobs: a grid of which only the rows in sight exist, recycled while it scrolls.
 * Rules: while the pointer or the focus is in it, rows change in place and keep their order; the row
 * with the focus exists even if it is scrolled away; data never scrolls it.
 */

import { columns, type Column } from "./columns.ts";
import { blank, button, h, setAttribute } from "./dom.ts";
import { GroupElement } from "./group.ts";
import { beginsWithMost, isGroup, lines, matcher, type Line } from "./query.ts";
import { RowElement, type Situation } from "./row.ts";
import { actionOf } from "./states.ts";
import type { Row } from "./store.ts";
import type { Part, View } from "./view.ts";

const AHEAD = 6;
/** How soon the order follows the data, in milliseconds, for few and for many rows */
const SOON = 100;
const LATER = 1_000;
const MANY = 20_000;

export class Jobs implements Part {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #head = h("div", { class: "xpm-row xpm-thead", role: "row" });
  #scroll = h("div", { class: "xpm-scroll", role: "rowgroup" });
  #area = h("div", { class: "xpm-rows", role: "presentation" });
  #grid = h("div", { "class": "xpm-fill", "role": "grid", "aria-label": "Jobs", "aria-multiselectable": "true" }, this.#head, this.#scroll);
  #message: HTMLElement | null = null;
  #messageText = "";
  #lines: Line[] = [];
  #places = new Map<string, number>();
  #columns: Column[] = [];
  #layout = "";
  #height = 26;
  #made = new Map<string, { one: RowElement | GroupElement; top: number }>();
  #spare: RowElement[] = [];
  #order = -1;
  #ordered = 0;
  /** How many jobs there were when the order was made */
  #seen = 0;
  #choice = "";
  #inside = false;

  constructor(view: View) {
    this.#view = view;
    this.#scroll.append(this.#area);
    this.element.append(this.#grid);
    this.#scroll.addEventListener("scroll", () => this.#rows(), { passive: true });
    this.#grid.addEventListener("keydown", (event) => this.#key(event));
    this.#area.addEventListener("focusin", (event) => this.#focused(event.target as HTMLElement));
    this.#grid.addEventListener("pointerenter", () => { this.#inside = true; });
    this.#grid.addEventListener("pointerleave", () => { this.#inside = false; this.paint(); });
    this.#grid.addEventListener("focusout", () => queueMicrotask(() => this.paint()));
  }

  paint(): void {
    this.#arrange();
    if (this.#say()) return;
    this.#measure();
    this.#rows();
  }

  /** The last change of a run may have come too soon for a new order: nothing comes after it. */
  tick(): void {
    this.paint();
  }

  resize(): void {
    this.paint();
  }

  /** Puts the focus on a row, and the row in sight. */
  focusRow(key: string | null = this.#view.ui.focus): void {
    const place = key === null ? undefined : this.#places.get(key);
    if (key === null || place === undefined) return;
    this.#view.ui.focus = key;
    this.reveal(key);
    this.#rows();
    this.#made.get(key)?.one.element.focus({ preventScroll: true });
  }

  /** Scrolls so that a row is in sight, if it is not. */
  reveal(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    const top = place * this.#height;
    const { scrollTop } = this.#scroll;
    const clientHeight = this.#scroll.clientHeight - this.#covered();
    if (top < scrollTop) this.#scroll.scrollTop = top;
    else if (top + this.#height > scrollTop + clientHeight) this.#scroll.scrollTop = top + this.#height - clientHeight;
  }

  /** How much of the rows in sight the message bar hides. */
  #covered(): number {
    const note = this.#view.root.querySelector(".xpm-note:not([hidden])");
    if (note === null) return 0;
    return Math.max(0, this.#scroll.getBoundingClientRect().bottom - note.getBoundingClientRect().top);
  }

  /** Which lines there are, and in which order. */
  #arrange(): void {
    const { store, ui } = this.#view;
    const choice = JSON.stringify([store.epoch, ui.search, [...ui.states], ui.sort, ui.descending, ui.grouped, [...ui.closed]]);
    const t = Date.now();
    const chosen = choice !== this.#choice;
    if (!chosen && (store.order === this.#order || t - this.#ordered < (store.rows.length > MANY ? LATER : SOON))) return;
    if (!chosen && this.#order >= 0 && this.#frozen()) {
      this.#append();
      return;
    }
    this.#choice = choice;
    this.#order = store.order;
    this.#ordered = t;
    this.#seen = store.rows.length;
    this.#setLines(lines(store.rows, ui, store.now()));
  }

  /** Whether rows must stay where they are. */
  #frozen(): boolean {
    const active = (this.#grid.getRootNode() as Document | ShadowRoot).activeElement;
    return this.#inside || this.#area.contains(active);
  }

  /** New jobs come last while rows keep their places. */
  #append(): void {
    const { store, ui } = this.#view;
    const added = store.rows.slice(this.#seen).filter(matcher(ui));
    this.#seen = store.rows.length;
    if (added.length && !ui.grouped) this.#setLines([...this.#lines, ...added]);
  }

  #setLines(made: Line[]): void {
    const { ui } = this.#view;
    this.#lines = made;
    this.#places = new Map(made.map((line, i) => [keyOf(line), i]));
    if (ui.focus === null || !this.#places.has(ui.focus)) {
      const first = made.find((line) => !isGroup(line));
      ui.focus = ui.open !== null && this.#places.has(ui.open) ? ui.open : first === undefined ? null : keyOf(first);
    }
    this.#area.style.height = `${made.length * this.#height}px`;
    setAttribute(this.#grid, "aria-rowcount", String(made.length + 1));
    setAttribute(this.#grid, "role", ui.grouped ? "treegrid" : "grid");
  }

  /** The text of a table without rows; whether there is one. */
  #say(): boolean {
    const { connection, store, ui } = this.#view;
    const late = Date.now() - connection.opened > 5_000;
    const what = store.seq < 0 ? `loading ${late}` : store.rows.length === 0 ? "none" : this.#lines.length === 0 ? `nothing ${ui.search} ${[...ui.states].join()}` : "";
    if (what === this.#messageText) return what !== "";
    this.#messageText = what;
    this.#message?.remove();
    this.#message = what === "" ? null : store.seq < 0 ? loading(late) : store.rows.length === 0 ? none() : this.#nothing();
    this.#grid.hidden = this.#message !== null;
    if (this.#message !== null) this.element.append(this.#message);
    return what !== "";
  }

  #nothing(): HTMLElement {
    const { ui } = this.#view;
    const asked = [ui.search && `"${ui.search}"`, [...ui.states].join(" or ")].filter(Boolean).join(", ");
    return blank("No job matches", [asked], button("Clear filters", "", () => {
      ui.search = "";
      ui.states.clear();
      this.#view.refilter();
    }));
  }

  /** Columns and heads, if width, tags or order are others. */
  #measure(): void {
    const width = this.#grid.clientWidth;
    if (width === 0) return;
    const { store, ui } = this.#view;
    const marked = ui.picked.size > 0 && ui.picked.size >= this.#lines.reduce((n, line) => n + this.#jobsOf(line).length, 0);
    const made = columns(width, this.#view.em(), store.tags);
    const layout = JSON.stringify(made);
    const state = `${layout} ${ui.sort} ${ui.descending} ${marked}`;
    if (this.#layout === state) return;
    const another = !this.#layout.startsWith(`${layout} `);
    this.#layout = state;
    const active = (this.#grid.getRootNode() as Document | ShadowRoot).activeElement;
    const focused = active instanceof HTMLElement && this.#head.contains(active) ? active.dataset["sort"] : undefined;
    this.#head.replaceChildren(...made.map((column) => this.#columnHead(column, marked)));
    if (focused !== undefined) [...this.#head.querySelectorAll("button")].find((one) => one.dataset["sort"] === focused)?.focus();
    if (!another) return;
    this.#columns = made;
    this.#grid.classList.toggle("xpm-tight", width / this.#view.em() < 560 / 12);
    this.#grid.style.setProperty("--cols", made.map((column) => column.width).join(" "));
    this.#height = this.#head.getBoundingClientRect().height || 26;
    this.#area.style.height = `${this.#lines.length * this.#height}px`;
    for (const { one } of this.#made.values()) one.element.remove();
    for (const row of this.#spare) row.element.remove();
    this.#made.clear();
    this.#spare = [];
  }

  #columnHead(column: Column, marked: boolean): HTMLElement {
    const { ui } = this.#view;
    const sorted = ui.sort === column.key;
    const head = h("span", {
      "role": "columnheader", "class": `xpm-cut${column.right ? " xpm-r" : ""}${column.mono ? " xpm-mono" : ""}`,
      "aria-sort": sorted ? (ui.descending ? "descending" : "ascending") : column.title && column.key !== "tags" ? "none" : null,
    });
    if (column.key === "pick") {
      const box = h("input", { "class": "xpm-check", "type": "checkbox", "tabindex": -1, "aria-label": "Select all" });
      box.checked = marked;
      box.addEventListener("click", () => this.#pickAll(!marked));
      head.append(box);
    } else if (column.key === "tags") {
      head.append(column.title);
    } else if (column.title) {
      const press = (): void => {
        if (sorted) ui.descending = !ui.descending;
        else { ui.sort = column.key; ui.descending = beginsWithMost(column.key); }
        this.#view.refilter();
      };
      head.append(h("button", { "type": "button", "tabindex": -1, "title": `Sort by ${column.title.toLowerCase()}`, "data-sort": column.key, "onclick": press },
        h("bdi", { class: "xpm-cut", dir: "auto" }, column.title), sorted ? h("span", { "aria-hidden": "true" }, ui.descending ? "↓" : "↑") : null));
    } else {
      head.append(h("span", { class: "xpm-vh" }, "Action"));
    }
    return head;
  }

  #pickAll(all: boolean): void {
    this.#view.pick(all ? this.#lines.flatMap((line) => this.#jobsOf(line)).map(keyOf) : [], all ? "add" : "clear");
  }

  /** The jobs of a line; in groups, those of a closed one too. */
  #jobsOf(line: Line): Row[] {
    return isGroup(line) ? line.rows : this.#view.ui.grouped ? [] : [line];
  }

  /** The rows in sight, and the one with the focus. */
  #rows(): void {
    if (this.#columns.length === 0 || this.#message !== null) return;
    const { store, ui } = this.#view;
    const { scrollTop, clientHeight } = this.#scroll;
    const first = Math.max(0, Math.floor(scrollTop / this.#height) - AHEAD);
    const last = Math.min(this.#lines.length, Math.ceil((scrollTop + clientHeight) / this.#height) + AHEAD);
    const wanted: number[] = [];
    for (let i = first; i < last; i += 1) wanted.push(i);
    const focus = ui.focus === null ? undefined : this.#places.get(ui.focus);
    if (focus !== undefined && (focus < first || focus >= last)) wanted.push(focus);

    const keys = new Set(wanted.map((i) => keyOf(this.#lines[i] as Line)));
    for (const [key, made] of this.#made) {
      if (keys.has(key)) continue;
      this.#made.delete(key);
      if (made.one instanceof RowElement) this.#spare.push(made.one);
      else made.one.element.remove();
    }
    const situation: Situation = {
      now: store.now(), started: store.run?.started ?? 0, index: 0, open: false, picked: false, focus: false,
      level: ui.grouped, can: this.#view.canCommand(),
    };
    for (const i of wanted) this.#row(i, situation);
    for (const row of this.#spare) row.element.hidden = true;
  }

  #row(i: number, situation: Situation): void {
    const line = this.#lines[i] as Line;
    const { store, ui } = this.#view;
    const key = keyOf(line);
    let made = this.#made.get(key);
    if (made === undefined) {
      const one = isGroup(line) ? new GroupElement(() => this.#toggle(line.group)) : this.#spare.pop() ?? new RowElement(this.#columns, this.#pressed);
      one.element.hidden = false;
      if (one.element.parentNode === null) this.#area.append(one.element);
      made = { one, top: -1 };
      this.#made.set(key, made);
    }
    const top = i * this.#height;
    if (made.top !== top) {
      made.top = top;
      made.one.element.style.top = `${top}px`;
    }
    if (isGroup(line)) {
      if (made.one instanceof GroupElement) made.one.fill(line, i, !ui.closed.has(line.group), ui.focus === key);
      return;
    }
    const job = store.rows[line.n] ?? line;
    situation.index = i;
    situation.open = ui.open === key;
    situation.picked = ui.picked.has(key);
    situation.focus = ui.focus === key;
    if (made.one instanceof RowElement) made.one.fill(job, situation);
  }

  #pressed = {
    open: (row: Row, event: MouseEvent): void => {
      if (event.shiftKey) { this.#extend(row.key); return; }
      if (event.metaKey || event.ctrlKey) { this.#view.pick([row.key], "toggle"); return; }
      this.#view.ui.focus = row.key;
      this.#view.open(row.key);
    },
    pick: (row: Row): void => this.#view.pick([row.key], "toggle"),
    act: (row: Row, action: "Kill" | "Retry"): void => {
      this.#view.ui.focus = row.key;
      this.#view.ask(action, [row]);
    },
  };

  /** Marks all rows between the one with the focus and another. */
  #extend(key: string): void {
    const from = this.#view.ui.focus === null ? undefined : this.#places.get(this.#view.ui.focus);
    const to = this.#places.get(key);
    if (to === undefined) return;
    const [a, b] = [Math.min(from ?? to, to), Math.max(from ?? to, to)];
    this.#view.ui.focus = key;
    this.#view.pick(this.#lines.slice(a, b + 1).filter((line) => !isGroup(line)).map(keyOf), "add");
  }

  #focused(target: HTMLElement): void {
    const { ui } = this.#view;
    for (const [key, { one }] of this.#made) {
      if (one.element.contains(target)) ui.focus = key;
    }
    for (const [key, { one }] of this.#made) setAttribute(one.element, "tabindex", key === ui.focus ? "0" : "-1");
  }

  #key(event: KeyboardEvent): void {
    const { store, ui } = this.#view;
    const target = event.target as HTMLElement;
    if (target instanceof HTMLInputElement && event.key === " ") return;
    if (this.#head.contains(target)) {
      this.#headKey(event, target);
      return;
    }
    const at = (ui.focus === null ? undefined : this.#places.get(ui.focus)) ?? -1;
    const line = this.#lines[at];
    if (line !== undefined && isGroup(line) && this.#groupKey(event, line.group)) {
      event.preventDefault();
      return;
    }
    const page = Math.max(1, Math.floor(this.#scroll.clientHeight / this.#height) - 1);
    const to = ({ ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.#lines.length - 1 } as Record<string, number>)[event.key];
    if (to === -1 && event.key === "ArrowUp" && !event.shiftKey) {
      (this.#head.querySelector<HTMLElement>('[aria-sort]:not([aria-sort="none"]) button') ?? this.#head.querySelector("button"))?.focus();
      event.preventDefault();
      return;
    }
    if (to !== undefined && !event.altKey && !event.ctrlKey && !event.metaKey) {
      this.#move(at, Math.min(this.#lines.length - 1, Math.max(0, to)), event.shiftKey);
      event.preventDefault();
      return;
    }
    const row = store.find(ui.focus);
    if (event.altKey) return;
    if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.#pickAll(true);
    else if (row === undefined || event.ctrlKey || event.metaKey) return;
    else if (event.key === "Enter") this.#view.open(row.key);
    else if (event.key === " ") {
      this.#view.pick([row.key], "toggle");
      this.reveal(row.key);
    }
    else if (event.key === "k" || event.key === "r") this.#act(event.key === "k" ? "Kill" : "Retry", row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** The heads are above the first row: Enter sorts. */
  #headKey(event: KeyboardEvent, target: HTMLElement): void {
    const heads = [...this.#head.querySelectorAll("button")];
    const step = getComputedStyle(this.#grid).direction === "rtl" ? -1 : 1;
    const to = heads.indexOf(target as HTMLButtonElement) + (({ ArrowRight: step, ArrowLeft: -step } as Record<string, number>)[event.key] ?? 0);
    if (event.key === "ArrowDown") this.focusRow();
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") heads[to]?.focus();
    else return;
    event.preventDefault();
  }

  /** Opens and closes a group; whether the key was for that. */
  #groupKey(event: KeyboardEvent, group: string): boolean {
    if (event.altKey || event.ctrlKey || event.metaKey) return false;
    const isClosed = this.#view.ui.closed.has(group);
    const isRtl = getComputedStyle(this.#grid).direction === "rtl";
    const [opens, closes] = isRtl ? ["ArrowLeft", "ArrowRight"] : ["ArrowRight", "ArrowLeft"];
    if (event.key !== "Enter" && event.key !== " " && event.key !== (isClosed ? opens : closes)) return false;
    this.#toggle(group);
    return true;
  }

  #toggle(group: string): void {
    const { ui } = this.#view;
    if (!ui.closed.delete(group)) ui.closed.add(group);
    this.#view.refilter();
  }

  #move(at: number, to: number, extends_: boolean): void {
    const { ui } = this.#view;
    const from = this.#lines[at];
    const next = this.#lines[to];
    if (next === undefined) return;
    if (extends_) {
      this.#view.pick([from, next].filter((line): line is Row => line !== undefined && !isGroup(line)).map(keyOf), "add");
    }
    this.focusRow(keyOf(next));
    if (ui.open !== null && !isGroup(next)) this.#view.open(next.key, true);
  }

  #act(action: "Kill" | "Retry", row: Row): void {
    const { store, ui } = this.#view;
    const rows = ui.picked.size ? [...ui.picked].map((key) => store.find(key)).filter((one) => one !== undefined) : [row];
    const possible = rows.filter((one) => actionOf(one.state) === action);
    if (possible.length) this.#view.ask(action, possible);
  }
}

const keyOf = (line: Line): string => (isGroup(line) ? `group ${line.group}` : line.key);

function loading(late: boolean): HTMLElement {
  const shade = (width: number): HTMLElement => h("i", { style: `width:${width}%` });
  const rows = Array.from({ length: 10 }, (_, i) =>
    h("div", { class: "xpm-row xpm-skel" }, shade(100), shade(100), shade(60 + (i * 37) % 40), shade(30 + (i * 53) % 50), shade(100)));
  const text = late ? "The kernel does not answer; it may be busy. Jobs go on meanwhile." : "Waiting for the kernel’s first message.";
  const message = blank("Loading jobs", [text]);
  message.classList.add("over");
  return h("div", { "class": "xpm-fill", "aria-busy": "true" }, ...rows, message);
}

const none = (): HTMLElement => blank("No job yet",
  ["Jobs appear here as soon as a task is submitted, for example ", h("code", {}, "Train.C(lr=1e-3).submit()")]);

