/** The services of the run, as the feed tells of them. */

import { blank, cut, h, stateMark } from "./dom.ts";
import { clock } from "./format.ts";
import type { Service } from "./messages.ts";
import type { Part, View } from "./view.ts";

export class Services implements Part {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #shown = "";

  constructor(view: View) {
    this.#view = view;
  }

  paint(): void {
    const services = this.#view.store.run?.services ?? [];
    const shown = JSON.stringify(services);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (services.length === 0) {
      this.element.replaceChildren(blank("No service", ["Add one with ", h("code", {}, "xp.add_service(TensorboardService(path))")]));
      return;
    }
    const column = (title: string, kind = ""): HTMLElement => h("span", { class: kind, role: "columnheader" }, title);
    this.element.replaceChildren(h("div", { "class": "xpm-scroll", "role": "table", "aria-label": "Services" },
      h("div", { class: "xpm-svc head", role: "row" }, column("State"), column("Service"), column("Address", "opt"), column("For", "opt xpm-r"), column("Action", "xpm-vh")),
      ...services.map((service) => this.#row(service))));
  }

  #row(service: Service): HTMLElement {
    const since = service.since ? clock(this.#view.store.now() - service.since) : "";
    return h("div", { "class": "xpm-svc", "role": "row", "data-service-id": service.id, "data-state": service.state },
      h("span", { role: "cell" }, stateMark(service.state)),
      h("span", { role: "cell", class: "xpm-task" }, h("b", {}, cut(service.name))),
      h("span", { role: "cell", class: "xpm-mono xpm-cut opt xpm-muted" }, service.address ?? ""),
      h("span", { role: "cell", class: "xpm-r xpm-muted opt" }, since),
      h("span", { role: "cell", class: "xpm-acts" }),
      service.error ? h("p", { class: "xpm-hint" }, `${service.error} `, h("span", { class: "xpm-muted" }, service.hint ?? "")) : null);
  }
}
