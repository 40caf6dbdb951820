/** A service's own display: its state, its link, the end of its log, Start and Stop. */

import { button, h } from "./dom.ts";
import type { Model } from "./messages.ts";
import { resolve, type ServiceLink, type ServicePlace } from "./service_link.js";
import { LogTail, serviceRow } from "./service_row.ts";

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
  #log = new LogTail();
  #details = h("details", { class: "xpm-one-log" }, h("summary", {}, "Log"), this.#log.element);
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
    if (answer.t === "log") this.#log.show(answer.text ?? "");
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
    this.#body.replaceChildren(serviceRow({ ...row, name: row.description || row.id, error: row.error ?? "" }, this.#link, [
      row.can_stop ? button("Stop", "", () => this.#model.send({ t: "stop" })) : null,
      row.can_start ? button("Start", "", () => this.#model.send({ t: "start" })) : null]));
  }
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const view = new ServiceView(model, el);
  return () => view.dispose();
}

export default { render };
