/** The head of the jobs of one task: made once, filled again as they go on. */

import { bar, words, type Counts } from "./bar.ts";
import { caret, cut, h, setAttribute } from "./dom.ts";
import { count } from "./format.ts";
import type { Group } from "./query.ts";
import { countedAs } from "./states.ts";

export class GroupElement {
  readonly element: HTMLElement;
  #cell = h("span", { class: "xpm-grp", role: "gridcell" });
  #shown = "";

  constructor(toggle: () => void) {
    this.element = h("div", { "class": "xpm-row xpm-group", "role": "row", "aria-level": 1, "onclick": toggle }, this.#cell);
  }

  fill(group: Group, index: number, open: boolean, focus: boolean): void {
    setAttribute(this.element, "aria-rowindex", String(index + 2));
    setAttribute(this.element, "aria-expanded", String(open));
    setAttribute(this.element, "tabindex", focus ? "0" : "-1");
    const counts: Counts = {};
    for (const row of group.rows) counts[countedAs(row.state)] = (counts[countedAs(row.state)] ?? 0) + 1;
    const shown = words(counts).join(" · ");
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#cell.replaceChildren(caret(), cut(group.name), h("span", { class: "xpm-muted" }, count(group.rows.length)),
      bar(counts, "mini"), h("span", { class: "xpm-muted xpm-cut xpm-light" }, shown));
  }
}
