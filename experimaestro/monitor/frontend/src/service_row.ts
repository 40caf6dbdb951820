/** What the Services tab and a service's own display have in common: a row, and the end of a log. */

import { cut, h, setText, stateMark, type Child } from "./dom.ts";
import { visible } from "./screen.ts";
import type { ServiceLink } from "./service_link.js";

export interface Shown {
  id: string;
  name: string;
  state: string;
  /** What happened, and what to do */
  error: string;
  port: number | null;
}

/** A row: state, name, address, what can be done; below it what is wrong, and `more`. */
export function serviceRow(service: Shown, link: ServiceLink | null, actions: Child[], more: Child = null, inTable = false): HTMLElement {
  const [role, row] = inTable ? ["cell", "row"] : [null, null];
  const says = service.error || (link?.hint ?? "");
  return h("div", { "class": "xpm-svc", "role": row, "data-service-id": service.id, "data-state": service.state },
    h("span", { role }, stateMark(service.state)),
    h("span", { role, class: "xpm-task" }, h("b", { class: "xpm-cut" }, cut(service.name))),
    h("span", { role, class: "xpm-mono xpm-cut opt xpm-muted", title: link?.shown ?? null }, service.port === null ? "" : `127.0.0.1:${service.port}`),
    h("span", { role, class: "xpm-acts" }, link === null ? null : open(service.name, link), ...actions),
    says ? h("div", { role, class: "xpm-hint" }, ...hint(says)) : null,
    more);
}

/** A real link, whose text is ours: JupyterLab would draw it black. */
const open = (name: string, link: ServiceLink): HTMLElement => h("a", {
  "class": "xpm-btn", "href": link.href, "target": "_blank", "rel": "noopener", "aria-label": "Open",
  "title": `Open ${name} in a new tab: ${link.shown}`,
}, "Open");

/** Words, in which what is between backquotes is code; below them, what was printed. */
function hint(text: string): HTMLElement[] {
  const [words = "", ...printed] = text.split("\n");
  const parts = words.split("`").map((part, i) => (i % 2 ? h("code", { class: "xpm-code" }, part) : part));
  return [h("p", {}, ...parts), ...(printed.length ? [h("pre", { class: "xpm-pre", dir: "ltr" }, visible(printed.join("\n")))] : [])];
}

/** The end of a log. Its last line stays in view unless the reader scrolls up. */
export class LogTail {
  readonly element = h("pre", { "class": "xpm-pre", "dir": "ltr", "tabindex": 0, "aria-label": "End of the log" });
  #follows = true;
  #top = 0;

  constructor() {
    this.element.addEventListener("scroll", () => {
      const { scrollHeight, clientHeight, scrollTop } = this.element;
      this.#follows = scrollHeight - clientHeight - scrollTop < 40;
      this.#top = scrollTop;
    }, { passive: true });
  }

  show(text: string): void {
    setText(this.element, visible(text) || "Nothing was written yet.");
    this.stay();
  }

  /** Scrolls to where it was, or to the end that it follows. */
  stay(): void {
    this.element.scrollTop = this.#follows ? this.element.scrollHeight : this.#top;
  }
}
