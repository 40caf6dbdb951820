/** The services of the run. Open is a real link, whose address only the browser can make. */

import { blank, button, cut, h, stateMark } from "./dom.ts";
import type { Service } from "./messages.ts";
import type { Messages } from "./notes.ts";
import { resolve, type ServiceLink, type ServicePlace } from "./service_link.js";
import type { Part, View } from "./view.ts";

export class Services implements Part {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #messages: Messages;
  #shown = "";
  #links = new Map<string, ServiceLink | null>();

  constructor(view: View, messages: Messages) {
    this.#view = view;
    this.#messages = messages;
  }

  paint(): void {
    const { services } = this.#view.store;
    const shown = JSON.stringify([services, this.#view.canCommand(), [...this.#links]]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (services.length === 0) {
      this.element.replaceChildren(blank("No service", ["Add one with ", h("code", {}, "xp.add_service(TensorboardService(path))")]));
      return;
    }
    for (const service of services) void this.#link(service);
    const column = (title: string, kind = ""): HTMLElement => h("span", { class: kind, role: "columnheader" }, title);
    const focused = this.#focused();
    this.element.replaceChildren(h("div", { class: "xpm-scroll" }, h("div", { "role": "table", "aria-label": "Services" },
      h("div", { class: "xpm-svc head", role: "row" }, column("State"), column("Service"), column("Address", "opt"), column("Action", "xpm-vh")),
      ...services.map((service) => this.#row(service)))));
    if (focused) this.element.querySelector<HTMLElement>(focused)?.focus();
  }

  #focused(): string {
    const active = (this.element.getRootNode() as Document | ShadowRoot).activeElement;
    const row = active instanceof HTMLElement && this.element.contains(active) ? active.closest<HTMLElement>("[data-service-id]") : null;
    return row === null ? "" : `[data-service-id="${CSS.escape(row.dataset["serviceId"] ?? "")}"] .xpm-btn`;
  }

  #row(service: Service): HTMLElement {
    const link = service.port === null ? null : this.#links.get(key(service)) ?? null;
    return h("div", { "class": "xpm-svc", "role": "row", "data-service-id": service.id, "data-state": service.state },
      h("span", { role: "cell" }, stateMark(service.state)),
      h("span", { role: "cell", class: "xpm-task" }, h("b", { class: "xpm-cut" }, cut(service.name))),
      h("span", { role: "cell", class: "xpm-mono xpm-cut opt xpm-muted", title: link?.shown ?? null }, service.port === null ? "" : `127.0.0.1:${service.port}`),
      h("span", { role: "cell", class: "xpm-acts" }, ...this.#actions(service, link)),
      service.error || link?.hint ? h("p", { role: "cell", class: "xpm-hint" }, ...hint(service.error || (link?.hint ?? ""))) : null);
  }

  #actions(service: Service, link: ServiceLink | null): HTMLElement[] {
    const disabled = !this.#view.canCommand();
    const send = (command: "start service" | "stop service"): void => void this.#messages.send(command, { service: service.id });
    return [
      ...(link === null ? [] : [h("a", {
        "class": "xpm-btn", "href": link.href, "target": "_blank", "rel": "noopener", "aria-label": "Open",
        "title": `Open ${service.name} in a new tab: ${link.shown}`,
      }, "Open")]),
      ...(service.can_stop ? [button("Stop", "", () => send("stop service"), { disabled })] : []),
      ...(service.can_start ? [button("Start", "", () => send("start service"), { disabled })] : [])];
  }

  /** Asks once for what the address of a page is made of, and makes it. */
  async #link(service: Service): Promise<void> {
    if (service.port === null || this.#links.has(key(service))) return;
    this.#links.set(key(service), null);
    const reply = await this.#view.connection.ask("link", { service: service.id });
    const described = reply.ok ? reply.data as ServicePlace | null : null;
    if (described === null) this.#links.delete(key(service));
    else this.#links.set(key(service), await resolve(described));
    if (described !== null) this.paint();
  }
}

/** A page at an address: a service that was stopped and started has another one. */
const key = (service: Service): string => `${service.id} ${service.port}`;

/** What is between backquotes is code. */
function hint(text: string): (HTMLElement | string)[] {
  return text.split("`").map((part, i) => (i % 2 ? h("code", { class: "xpm-code" }, part) : part));
}
