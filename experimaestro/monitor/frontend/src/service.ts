/** A service's own display: its state, its link, the end of its log, Start and Stop. */

import { button, cut, h, setText, stateMark } from "./dom.ts";
import type { Model } from "./messages.ts";
import { resolve, type ServiceLink, type ServicePlace } from "./service_link.js";

/** What Python tells of the service; see `Service.describe`. */
interface Row {
  id: string;
  description: string;
  state: string;
  error: string | null;
  port: number | null;
  can_start: boolean;
  can_stop: boolean;
}

interface Answer {
  t: string;
  /** Of `place` */
  port?: number;
  place?: ServicePlace | null;
  /** Of `log` */
  text?: string;
}

class ServiceView {
  readonly root = h("section", { class: "xpm xpm-one", "aria-label": "Service" });
  #model: Model;
  #body = h("div", {});
  #log = h("pre", { class: "xpm-pre", tabindex: "0", "aria-label": "End of the log" });
  #details = h("details", { class: "xpm-one-log" }, h("summary", {}, "Log"), this.#log);
  #link: ServiceLink | null = null;
  #linked: number | null = null;
  #timer: ReturnType<typeof setInterval>;
  #heard = (message: unknown): void => this.#answer(message as Answer);
  #changed = (): void => this.#paint();

  constructor(model: Model, element: HTMLElement) {
    this.#model = model;
    this.root.append(this.#body, this.#details);
    model.on("msg:custom", this.#heard);
    model.on("change:row", this.#changed);
    this.#details.addEventListener("toggle", () => this.#ask());
    this.#timer = setInterval(() => this.#ask(), 2_000);
    element.append(this.root);
    this.#paint();
  }

  dispose(): void {
    clearInterval(this.#timer);
    this.#model.off("msg:custom", this.#heard);
    this.#model.off("change:row", this.#changed);
    this.root.remove();
  }

  #ask(): void {
    if (this.#details.open) this.#model.send({ t: "log" });
  }

  #answer(answer: Answer): void {
    if (answer.t === "log") setText(this.#log, answer.text || "Nothing was written yet.");
    if (answer.t === "place" && answer.place) void this.#resolve(answer.place, answer.port ?? null);
  }

  async #resolve(place: ServicePlace, port: number | null): Promise<void> {
    this.#link = await resolve(place);
    this.#linked = port;
    this.#model.send({ t: "link", link: this.#link.shown });
    this.#paint();
  }

  #paint(): void {
    const row = this.#model.get("row") as Row;
    if (row.port === null) {
      this.#link = this.#linked = null;
    } else if (row.port !== this.#linked) {
      this.#linked = row.port;
      this.#link = null;
      this.#model.send({ t: "place" });
    }
    const link = this.#link;
    const says = row.error || link?.hint || "";
    this.#body.replaceChildren(h("div", { "class": "xpm-svc", "data-service-id": row.id, "data-state": row.state },
      h("span", {}, stateMark(row.state)),
      h("span", { class: "xpm-task" }, h("b", { class: "xpm-cut" }, cut(row.description || row.id))),
      h("span", { class: "xpm-mono xpm-cut opt xpm-muted", title: link?.shown ?? null }, row.port === null ? "" : `127.0.0.1:${row.port}`),
      h("span", { class: "xpm-acts" },
        link === null ? null : h("a", {
          "class": "xpm-btn", "href": link.href, "target": "_blank", "rel": "noopener", "aria-label": "Open",
          "title": `Open in a new tab: ${link.shown}`,
        }, "Open"),
        row.can_stop ? button("Stop", "", () => this.#model.send({ t: "stop" })) : null,
        row.can_start ? button("Start", "", () => this.#model.send({ t: "start" })) : null),
      says ? h("p", { class: "xpm-hint" }, says) : null));
  }
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = new ServiceView(model, el);
  return () => view.dispose();
}

export default { render };
