/** The log of the run: what happened to it, newest first. */

import { blank, h, stateMark } from "./dom.ts";
import { clock, dateTime } from "./format.ts";
import type { Part, View } from "./view.ts";

export class Log implements Part {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #shown = "";
  #scroll = h("div", { "class": "xpm-scroll", "role": "log", "tabindex": 0, "aria-label": "Log of the scheduler" });

  constructor(view: View) {
    this.#view = view;
  }

  paint(): void {
    const { store, ui } = this.#view;
    const shown = `${store.epoch} ${store.log.length} ${store.log.at(-1)?.join(" ") ?? ""} ${ui.warnings}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    const entries = store.log.filter(([, level]) => !ui.warnings || level !== "info").reverse();
    if (entries.length === 0) {
      this.element.replaceChildren(blank(ui.warnings ? "No warning" : "Nothing happened yet", [""]));
      return;
    }
    const start = store.run?.started ?? 0;
    if (this.#scroll.parentNode === null) this.element.replaceChildren(this.#scroll);
    const { scrollTop, scrollHeight } = this.#scroll;
    this.#scroll.replaceChildren(...entries.map(([t, level, text]) => h("div", { "class": "xpm-ev", "data-s": level },
      h("span", { class: "xpm-muted", title: dateTime(t) }, clock(t - start)), stateMark(level), h("span", { class: "xpm-any", dir: "auto" }, text))));
    if (scrollTop > 0) this.#scroll.scrollTop = scrollTop + this.#scroll.scrollHeight - scrollHeight;  // what is read stays
  }
}
