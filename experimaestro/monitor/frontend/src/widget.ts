/**
 * The widget of one experiment in one place of a page: puts its parts together and paints them.
 * Rules: at most ten paints a second for data, at once for what the reader does; an error of ours
 * stops this view, says so, and nothing else.
 */

import { Connection } from "./connection.ts";
import { blank, button, copy, h, setAttribute } from "./dom.ts";
import { Graph } from "./graph.ts";
import { Header } from "./header.ts";
import { Jobs } from "./jobs.ts";
import { Log } from "./log.ts";
import type { Model } from "./messages.ts";
import { Messages } from "./notes.ts";
import { Panel } from "./panel/panel.ts";
import { Services } from "./services.ts";
import type { Action } from "./states.ts";
import { Store, type Row } from "./store.ts";
import { Tabs } from "./tabs.ts";
import { initial, type Tab } from "./ui.ts";
import type { Part, View } from "./view.ts";

const PAINT = 100;
/** How long a pressed button holds the paints of data at most: a click ends where it began */
const PRESS = 1_000;
const DARK = 0.4;
const ABSENT = 10;

export class Widget implements View {
  readonly store = new Store();
  readonly ui = initial();
  readonly root: HTMLElement;
  readonly connection: Connection;
  #header: Header;
  #tabs: Tabs;
  #messages: Messages;
  #panel: Panel;
  #jobs: Jobs;
  #parts: Record<Tab, Part>;
  #view = h("div", { class: "xpm-view", role: "tabpanel" });
  #clock: ReturnType<typeof setInterval>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #painted = 0;
  /** Until when something is pressed, by the browser's clock */
  #pressed = 0;
  #failures = 0;
  #epoch = "";
  /** Seconds for which the view has not been on the page */
  #absent = 0;
  #broken = false;
  #sizes: ResizeObserver;

  constructor(model: Model, element: HTMLElement) {
    this.root = h("section", { "class": "xpm", "data-view": "loading", "data-status": "starting", "aria-label": "Experiment" });
    this.connection = new Connection(model, this.store, {
      changed: () => this.#soon(),
      health: () => this.#paint(),
    });
    this.#messages = new Messages(this);
    this.#header = new Header(this, this.#messages);
    this.#view.id = `xpm-${this.connection.name}`;
    this.#tabs = new Tabs(this, this.#view.id);
    this.#panel = new Panel(this);
    this.#jobs = new Jobs(this);
    this.#parts = { Jobs: this.#jobs, Graph: new Graph(this), Services: new Services(this, this.#messages), Log: new Log(this) };
    this.root.append(this.#header.element, this.#tabs.element,
      h("div", { class: "xpm-body" }, this.#view, this.#panel.element), this.#messages.element, this.#messages.spoken);
    this.root.addEventListener("keydown", (event) => this.#key(event));
    const press = (): void => { this.#pressed = Date.now() + PRESS; };
    this.root.addEventListener("pointerdown", press);
    this.root.addEventListener("keydown", (event) => { if (event.key === " ") press(); }, { capture: true });
    for (const name of ["pointerup", "pointercancel", "keyup"]) this.root.addEventListener(name, () => this.#released());
    element.append(this.root);
    this.#theme();
    this.#sizes = new ResizeObserver(() => this.#guarded(() => {
      this.#part().resize?.();
      this.#panel.resize();
    }));
    this.#sizes.observe(this.#view);
    this.#clock = setInterval(() => this.#guarded(() => this.#tick()), 1_000);
    this.#paint();
    this.connection.open();
  }

  dispose(): void {
    clearInterval(this.#clock);
    clearTimeout(this.#timer);
    this.#sizes.disconnect();
    this.#panel.dispose();
    this.connection.close();
    this.root.remove();
  }

  // What the parts ask of each other.

  em(): number {
    return parseFloat(getComputedStyle(this.root).fontSize) || 12;
  }

  canCommand(): boolean {
    return this.store.commands && this.connection.health === "live";
  }

  ask(action: Action, rows: Row[]): void {
    this.#messages.ask(action, rows);
  }

  open(key: string, keepFocus = false): void {
    this.ui.open = key;
    this.#paint();
    if (this.ui.tab !== "Jobs" || keepFocus) return;
    this.ui.focus = key;
    this.#jobs.focusRow(key);
  }

  close(): void {
    this.ui.open = null;
    this.#paint();
    if (this.ui.tab === "Jobs") this.#jobs.focusRow();
  }

  pick(keys: Iterable<string>, mode: "toggle" | "add" | "clear"): void {
    const { picked } = this.ui;
    if (mode === "clear") picked.clear();
    for (const key of keys) if (mode === "add" || !picked.delete(key)) picked.add(key);
    this.#select();
    this.#paint();
  }

  refilter(): void {
    this.#paint();
  }

  show(tab: Tab): void {
    this.ui.tab = tab;
    this.#paint();
  }

  // Painting.

  #part(): Part {
    return this.#parts[this.ui.tab];
  }

  /** Paints within a tenth of a second; a page that is hidden paints when it is seen. */
  #soon(): void {
    this.#guarded(() => this.#announce());
    this.#schedule();
  }

  /** Not while something is pressed: what is made anew in between never gets the click. */
  #schedule(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, Math.max(this.#painted + PAINT, this.#pressed) - Date.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      requestAnimationFrame(() => { if (Date.now() < this.#pressed) this.#schedule(); else this.#paint(); });
    }, wait);
  }

  #released(): void {
    this.#pressed = 0;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule();
  }

  #paint(): void {
    this.#guarded(() => {
      this.#painted = Date.now();
      const { store, ui, connection } = this;
      store.changed.clear();
      if (store.epoch !== this.#epoch) this.#forgetOthers();
      setAttribute(this.root, "data-xpm-experiment", store.title.name);
      setAttribute(this.root, "aria-label", `Experiment ${store.title.name}`);
      setAttribute(this.root, "data-status", store.run?.status ?? "starting");
      setAttribute(this.root, "data-view", { loading: "loading", live: "live", disconnected: "disconnected", gone: "disconnected", old: "error" }[connection.health]);
      setAttribute(this.#view, "aria-label", ui.tab);
      const part = this.#part();
      if (part.element.parentNode !== this.#view) this.#view.replaceChildren(part.element);
      this.#header.paint();
      this.#tabs.paint();
      this.#panel.paint();
      part.paint();
      this.#messages.paint();
    });
  }

  /** Of another run, other jobs can be marked. */
  #forgetOthers(): void {
    this.#epoch = this.store.epoch;
    const { picked } = this.ui;
    const before = picked.size;
    for (const key of picked) if (this.store.find(key) === undefined) picked.delete(key);
    if (before) this.#select();
  }

  #select(): void {
    this.connection.select([...this.ui.picked].map((key) => this.store.find(key)?.n ?? -1).filter((n) => n >= 0));
  }

  #tick(): void {
    if (!this.#isHere() || document.hidden || Date.now() < this.#pressed) return;
    this.#theme();
    this.#header.tick();
    this.#messages.tick();
    if (this.connection.health === "loading") this.#paint();
    else this.#part().tick?.();
  }

  /** Whether the view is on the page; one that is not for a while asks for nothing until it is. */
  #isHere(): boolean {
    if (this.root.isConnected) {
      if (this.#absent > ABSENT) this.connection.open();
      this.#absent = 0;
      return true;
    }
    this.#absent += 1;
    if (this.#absent === ABSENT + 1) this.connection.close();
    return false;
  }

  /** Tells those who do not see of new failures. */
  #announce(): void {
    const failures = this.store.run?.counts.failed ?? 0;
    const text = this.store.log.findLast(([, level]) => level === "error")?.[2];
    if (failures > this.#failures && this.#painted > 0 && text) this.#messages.say(text, false);
    this.#failures = failures;
  }

  /** An error of ours ends this view; the experiment goes on. */
  #guarded(work: () => void): void {
    if (this.#broken) return;
    try {
      work();
    } catch (error) {
      this.#broken = true;
      console.error("experimaestro: the view stopped", error);
      this.root.dataset["view"] = "error";
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const detail = error instanceof Error ? error.stack ?? message : message;
      this.#view.replaceChildren(blank("This view stopped working", [`${message}. The experiment goes on; only its display failed.`],
        button("Reload view", "", () => this.#reload()),
        button("Copy details", "", (event) => copy(detail, event.currentTarget as HTMLElement))));
    }
  }

  #reload(): void {
    this.#broken = false;
    this.store.forget();
    this.connection.hello();
    this.#paint();
  }

  /** A dark ground where the host does not say which theme it has. */
  #theme(): void {
    if (this.root.closest("[data-jp-theme-light]") !== null) {
      setAttribute(this.root, "data-theme", null);
      return;
    }
    let above: HTMLElement | null = this.root.parentElement;
    let ground = "";
    while (above !== null && (ground === "" || ground === "rgba(0, 0, 0, 0)" || ground === "transparent")) {
      ground = getComputedStyle(above).backgroundColor;
      above = above.parentElement;
    }
    const [r, g, b] = (ground.match(/[\d.]+/g) ?? []).map(Number);
    const known = r !== undefined && g !== undefined && b !== undefined && ground !== "rgba(0, 0, 0, 0)";
    const dark = known ? (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 < DARK : matchMedia("(prefers-color-scheme: dark)").matches;
    setAttribute(this.root, "data-theme", dark ? "dark" : "light");
  }

  #key(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLInputElement && event.target.type === "search";
    if (event.key === "Escape" && this.#escape()) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      this.show("Jobs");
      this.#tabs.search.focus();
      event.preventDefault();
    }
    if (!event.metaKey && !event.ctrlKey) event.stopPropagation();  // the notebook has one-letter shortcuts too
  }

  /** Closes one thing; whether there was one. */
  #escape(): boolean {
    if (this.#messages.cancel()) return true;
    if (this.ui.picked.size) {
      this.pick([], "clear");
      this.#jobs.focusRow();
    } else if (this.ui.open !== null) this.close();
    else if (this.ui.search) {
      this.ui.search = "";
      this.#paint();
    } else return false;
    return true;
  }
}
