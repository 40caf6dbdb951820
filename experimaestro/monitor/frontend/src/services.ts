/** The services of the run. Open is a real link, whose address only the browser can make. */

import { blank, button, h } from "./dom.ts";
import type { Service } from "./messages.ts";
import type { Messages } from "./notes.ts";
import { resolve, type ServiceLink, type ServicePlace } from "./service_link.js";
import { LogTail, serviceRow } from "./service_row.ts";
import type { Part, View } from "./view.ts";

export class Services implements Part {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #messages: Messages;
  #scroll = h("div", { class: "xpm-scroll" });
  #shown = "";
  #links = new Map<string, ServiceLink | null>();
  /** Those that are open, by the id of their service */
  #logs = new Map<string, LogTail>();

  constructor(view: View, messages: Messages) {
    this.#view = view;
    this.#messages = messages;
  }

  paint(): void {
    const { services } = this.#view.store;
    const shown = JSON.stringify([services, this.#view.canCommand(), [...this.#links], [...this.#logs.keys()]]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (services.length === 0) {
      this.element.replaceChildren(blank("No service", ["Add one with ", h("code", {}, "xp.add_service(TensorBoardService())")]));
      return;
    }
    for (const service of services) void this.#link(service);
    const column = (title: string, kind = ""): HTMLElement => h("span", { class: kind, role: "columnheader" }, title);
    const refocus = this.#refocus();
    this.#scroll.replaceChildren(h("div", { "role": "table", "aria-label": "Services" },
      h("div", { class: "xpm-svc head", role: "row" }, column("State"), column("Service"), column("Address", "opt"), column("Action", "xpm-vh")),
      ...services.map((service) => this.#row(service))));
    this.element.replaceChildren(this.#scroll);
    for (const log of this.#logs.values()) log.stay();
    refocus();
  }

  /** Asks for the logs that are open, every second. */
  tick(): void {
    for (const id of this.#logs.keys()) void this.#read(id);
  }

  /** Gives the focus back to what has it now, or to what stands in its place. */
  #refocus(): () => void {
    const active = (this.element.getRootNode() as Document | ShadowRoot).activeElement;
    if (!(active instanceof HTMLElement) || !this.element.contains(active)) return () => undefined;
    const id = active.closest<HTMLElement>("[data-service-id]")?.dataset["serviceId"] ?? "";
    const kind = active.hasAttribute("aria-expanded") ? "[aria-expanded]" : ":not([aria-expanded])";
    return () => {
      const next = active.isConnected ? active : this.element.querySelector<HTMLElement>(`[data-service-id="${CSS.escape(id)}"] .xpm-btn${kind}`);
      next?.focus();
    };
  }

  #row(service: Service): HTMLElement {
    const link = service.port === null ? null : this.#links.get(key(service)) ?? null;
    const disabled = !this.#view.canCommand();
    const send = (command: "start service" | "stop service"): void => void this.#messages.send(command, { service: service.id });
    const log = this.#logs.get(service.id);
    return serviceRow(service, link, [
      service.can_stop ? button("Stop", "", () => send("stop service"), { disabled }) : null,
      service.can_start ? button("Start", "", () => send("start service"), { disabled }) : null,
      button("Log", "", () => this.#toggle(service.id), { "aria-expanded": String(log !== undefined) }),
    ], log === undefined ? null : h("div", { class: "xpm-svc-log", role: "cell" }, log.element), true);
  }

  #toggle(id: string): void {
    if (!this.#logs.delete(id)) {
      this.#logs.set(id, new LogTail());
      void this.#read(id);
    }
    this.paint();
  }

  async #read(id: string): Promise<void> {
    const reply = await this.#view.connection.ask("service log", { service: id });
    this.#logs.get(id)?.show(reply.ok ? reply.data as string : reply.error ?? "");
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
