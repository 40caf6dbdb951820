/** The panel of one job, beside the view or below it. A choice of the reader sticks from job to job. */

import { button, copy, h, icon, setAttribute, setText, sign, tabKeys } from "../dom.ts";
import type { Row } from "../store.ts";
import { actionOf, stateName } from "../states.ts";
import type { PanelTab } from "../ui.ts";
import type { Part, View } from "../view.ts";
import { details } from "./details.ts";
import { error } from "./error.ts";
import { Output } from "./output.ts";
import { parameters } from "./parameters.ts";

const CLOSE = "M4 4l8 8M12 4l-8 8";
const ENLARGE = "M4 10l4-4 4 4";
const STEP = 16;

export class Panel implements Part {
  readonly element = h("aside", { class: "xpm-panel", hidden: true });
  #view: View;
  #row: Row | null = null;
  #shown: PanelTab | null = null;
  #state = "";
  #attempt = 0;
  #mark = h("span", { class: "xpm-st" });
  #name = h("b");
  #task = h("bdi", { class: "xpm-cut", dir: "auto" }, this.#name);
  #tags = h("bdi", { class: "xpm-mono xpm-muted xpm-cut", dir: "auto" });
  #act: HTMLButtonElement;
  #split: HTMLElement;
  #tabs = h("div", { "class": "xpm-ptabs", "role": "tablist", "aria-label": "Job" });
  #body = h("div", { class: "xpm-pbody", role: "tabpanel", tabindex: 0 });
  #output: Output | null = null;
  #turn = 0;

  constructor(view: View) {
    this.#view = view;
    this.#act = button("", "small", () => {
      const row = this.#row;
      const action = row === null ? null : actionOf(row.state);
      if (row !== null && action !== null) view.ask(action, [row]);
    });
    const path = button("Copy path", "small", (event) => {
      if (this.#row !== null) copy(`${view.store.title.workspace}/jobs/${this.#row.key}`, event.currentTarget as HTMLElement);
    });
    const enlarge = h("button", { "class": "xpm-btn quiet icon xpm-maxbtn", "type": "button", "aria-label": "Enlarge panel", "onclick": () => {
      view.ui.large = !view.ui.large;
      this.element.classList.toggle("max", view.ui.large);
      this.element.style.height = "";
    } }, sign(ENLARGE));
    const close = h("button", { "class": "xpm-btn quiet icon", "type": "button", "aria-label": "Close panel", "title": "Close (Esc)", "onclick": () => view.close() }, sign(CLOSE));
    this.#split = h("div", {
      "class": "xpm-split", "role": "separator", "tabindex": 0, "aria-label": "Resize panel",
      "aria-orientation": "vertical", "aria-valuenow": 45, "aria-valuemin": 20, "aria-valuemax": 80,
    });
    this.#splitter();
    tabKeys(this.#tabs);
    this.element.append(this.#split,
      h("div", { class: "xpm-phead" }, this.#mark, h("span", { class: "xpm-task xpm-grow" }, this.#task, this.#tags), this.#act, path, enlarge, close),
      this.#tabs, this.#body);
  }

  paint(): void {
    const row = this.#view.store.find(this.#view.ui.open) ?? null;
    this.element.hidden = row === null;
    if (row === null) {
      if (this.#row !== null) this.#forget();
      return;
    }
    const another = row.key !== this.#row?.key;
    const changed = another || row.state !== this.#state || row.attempt !== this.#attempt;
    this.#row = row;
    this.#head(row, changed);
    if (changed) {
      this.#state = row.state;
      this.#attempt = row.attempt;
      this.#draw(row, another);
    } else if (this.#chosen(row, false) !== this.#shown) {
      this.#draw(row, false);
    }
    this.#output?.update(row);
  }

  dispose(): void {
    this.#forget();
  }

  resize(): void {
    const narrow = getComputedStyle(this.element.parentElement ?? this.element).flexDirection === "column";
    this.element.style[narrow ? "width" : "height"] = "";  // that of the other place
    setAttribute(this.#split, "aria-orientation", narrow ? "horizontal" : "vertical");
  }

  #forget(): void {
    this.#row = null;
    this.#shown = null;
    this.#output?.close();
    this.#output = null;
    this.#turn += 1;
  }

  #head(row: Row, changed: boolean): void {
    if (changed) {
      setAttribute(this.#mark, "data-s", stateName(row.state));
      this.#mark.replaceChildren(icon(row.state), h("span", { class: "xpm-word" }, row.state));
      setText(this.#name, row.name);
      setAttribute(this.#task, "title", row.task);
      setAttribute(this.element, "aria-label", `Job ${row.name}`);
      const tags = Object.values(row.tags).join(" ") || row.id.slice(0, 8);
      setText(this.#tags, tags);
      setAttribute(this.#tags, "title", Object.entries(row.tags).map(([name, value]) => `${name}=${value}`).join(" ") || row.id);
    }
    const action = actionOf(row.state);
    this.#act.hidden = action === null || !this.#view.store.commands;
    this.#act.disabled = !this.#view.canCommand() || row.pending !== "";
    setText(this.#act, action ?? "");
  }

  #tabsOf(row: Row): PanelTab[] {
    const hasRun = row.attempt > 0 || row.started !== null || row.state === "done";
    return [...(row.state === "failed" ? ["Error" as const] : []), ...(hasRun ? ["Output" as const] : []), "Parameters", "Details"];
  }

  /** What the reader chose; else what is shown of this job already; else what tells most of it. */
  #chosen(row: Row, another: boolean): PanelTab {
    const tabs = this.#tabsOf(row);
    const { panel } = this.#view.ui;
    if (panel !== null && tabs.includes(panel)) return panel;
    if (!another && this.#shown !== null && tabs.includes(this.#shown)) return this.#shown;
    return row.state === "failed" ? "Error" : row.state === "running" ? "Output" : "Details";
  }

  #draw(row: Row, another: boolean): void {
    const chosen = this.#chosen(row, another);
    const tabs = this.#tabsOf(row);
    const focused = this.#tabs.contains((this.element.getRootNode() as Document | ShadowRoot).activeElement);
    this.#tabs.replaceChildren(...tabs.map((tab) => h("button", {
      "class": "xpm-tab", "type": "button", "role": "tab", "aria-selected": String(tab === chosen), "tabindex": tab === chosen ? 0 : -1,
      "onclick": () => { this.#view.ui.panel = tab; this.paint(); this.#tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus(); },
    }, tab)));
    if (focused) this.#tabs.querySelector<HTMLElement>('[aria-selected="true"]')?.focus();
    const other = another || chosen !== this.#shown;
    const keepsOutput = chosen === "Output" && !other;
    this.#shown = chosen;
    setAttribute(this.#body, "aria-label", chosen);
    if (keepsOutput) return;
    const turn = this.#turn += 1;
    const isCurrent = (): boolean => turn === this.#turn;
    this.#output?.close();
    this.#output = null;
    this.#body.classList.toggle("flush", chosen === "Output");
    if (other) this.#body.replaceChildren();  // what stands there is of another job or tab
    if (chosen === "Output") {
      this.#output = new Output(this.#view, row);
      this.#body.replaceChildren(this.#output.element);
    } else if (chosen === "Error") void error(this.#view, row, this.#body, isCurrent);
    else if (chosen === "Parameters") void parameters(this.#view, row, this.#body, isCurrent);
    else void details(this.#view, row, this.#body, isCurrent);
  }

  #splitter(): void {
    const size = (dx: number, dy: number): void => {
      const { root } = this.#view;
      const box = this.element.getBoundingClientRect();
      const body = this.element.parentElement;
      if (body === null) return;
      if (getComputedStyle(body).flexDirection === "column") {
        this.element.style.height = `${Math.min(body.clientHeight - 52, Math.max(90, box.height + dy))}px`;
        return;
      }
      const sign = getComputedStyle(root).direction === "rtl" ? -1 : 1;
      const width = Math.min(root.clientWidth - 260, Math.max(300, box.width + sign * dx));
      this.element.style.width = `${width}px`;
      setAttribute(this.#split, "aria-valuenow", String(Math.round((100 * width) / root.clientWidth)));
    };
    this.#split.addEventListener("pointerdown", (event) => {
      let [x, y] = [event.clientX, event.clientY];
      const move = (moved: PointerEvent): void => { size(x - moved.clientX, y - moved.clientY); [x, y] = [moved.clientX, moved.clientY]; };
      this.#split.setPointerCapture(event.pointerId);
      this.#split.addEventListener("pointermove", move);
      this.#split.addEventListener("pointerup", () => this.#split.removeEventListener("pointermove", move), { once: true });
    });
    this.#split.addEventListener("keydown", (event) => {
      const by = ({ ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] } as Record<string, [number, number]>)[event.key];
      if (by === undefined) return;
      size(...by);
      event.preventDefault();
    });
  }
}
