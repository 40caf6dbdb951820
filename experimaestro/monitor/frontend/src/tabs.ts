/** The tabs and, beside them, the tools of the one that is shown. */

import { button, copy, h, setAttribute, tabKeys } from "./dom.ts";
import { clock, count } from "./format.ts";
import type { Tab } from "./ui.ts";
import type { Part, View } from "./view.ts";

const TABS: readonly Tab[] = ["Jobs", "Graph", "Services", "Log"];

/** Above so many jobs, the graph has one box for each task */
export const GRAPH_JOBS = 200;

export class Tabs implements Part {
  readonly element = h("div", { class: "xpm-nav" });
  readonly search = h("input", {
    "class": "xpm-search", "type": "search", "aria-label": "Search jobs", "placeholder": "Search jobs",
    "title": "Task, identifier or tag, for example: train lr=3e-4   ( / )",
  });
  #view: View;
  #tabs = new Map<Tab, HTMLElement>();
  #tools = h("div", { class: "xpm-tools" });
  #shown = "";

  constructor(view: View, panelId: string) {
    this.#view = view;
    const list = h("div", { "class": "xpm-tabs", "role": "tablist", "aria-label": "Views" });
    for (const tab of TABS) {
      const choose = (): void => { view.show(tab); this.#tabs.get(tab)?.focus(); };
      const element = h("button", { "class": "xpm-tab", "type": "button", "role": "tab", "aria-controls": panelId, "onclick": choose }, tab);
      this.#tabs.set(tab, element);
      list.append(element);
    }
    tabKeys(list);
    this.search.addEventListener("input", () => { view.ui.search = this.search.value; view.refilter(); });
    this.element.append(list, this.#tools);
  }

  paint(): void {
    const { store, ui } = this.#view;
    const warnings = store.log.reduce((n, [, level]) => n + Number(level !== "info"), 0);
    const counts: Partial<Record<Tab, number>> =
      { Jobs: store.rows.length, Services: store.services.length, Log: warnings };
    for (const [tab, element] of this.#tabs) {
      const chosen = tab === ui.tab;
      setAttribute(element, "aria-selected", String(chosen));
      setAttribute(element, "tabindex", chosen ? "0" : "-1");
      setAttribute(element, "data-n", counts[tab] ? count(counts[tab]) : null);
    }
    if (this.search.value !== ui.search) this.search.value = ui.search;
    const many = store.rows.length > GRAPH_JOBS;
    const shown = JSON.stringify([ui.tab, ui.grouped, ui.collapsed, ui.fit, ui.warnings, many]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = (this.element.getRootNode() as Document | ShadowRoot).activeElement?.textContent;
    this.#tools.replaceChildren(...this.#toolsOf(ui.tab, many));
    if (focused) [...this.#tools.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
  }

  #toolsOf(tab: Tab, many: boolean): HTMLElement[] {
    const { ui, store } = this.#view;
    const toggle = (label: string, on: boolean, press: () => void, more: Record<string, string | boolean> = {}): HTMLElement =>
      button(label, "", () => { press(); this.#view.refilter(); }, { "aria-pressed": String(on), ...more });
    if (tab === "Jobs") return [this.search, toggle("Group by task", ui.grouped, () => { ui.grouped = !ui.grouped; })];
    if (tab === "Graph") {
      return [
        toggle("Collapse by task", ui.collapsed || many, () => { ui.collapsed = !ui.collapsed; }, { disabled: many, title: "Always on above 200 jobs" }),
        toggle("Fit", ui.fit, () => { ui.fit = !ui.fit; }, { title: "Fit the graph in the view" })];
    }
    if (tab === "Log") {
      const text = (): string => store.log.map(([t, level, line]) => `${clock(t - (store.run?.started ?? t))} ${level} ${line}`).join("\n");
      return [toggle("Warnings only", ui.warnings, () => { ui.warnings = !ui.warnings; }),
        button("Copy", "", (event) => copy(text(), event.currentTarget as HTMLElement))];
    }
    return [];
  }
}
