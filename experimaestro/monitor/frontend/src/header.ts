/** The head: state, name, time, what can be done to all; bar and filters. */

import { bar } from "./bar.ts";
import { button, cut, h, icon, setText, stateMark } from "./dom.ts";
import { about, clock, count, dateTime, plural, timeOfDay } from "./format.ts";
import type { Counted, Run } from "./messages.ts";
import type { Messages } from "./notes.ts";
import { COUNTED } from "./states.ts";
import type { Part, View } from "./view.ts";

const OVER = new Set(["done", "failed", "stopped"]);

export class Header implements Part {
  readonly element = h("header", { class: "xpm-head" });
  #view: View;
  #messages: Messages;
  #elapsed = h("b");
  #shown = "";

  constructor(view: View, messages: Messages) {
    this.#view = view;
    this.#messages = messages;
  }

  paint(): void {
    const { store, ui, connection } = this.#view;
    const shown = JSON.stringify([store.run, store.title, [...ui.states], connection.health, this.#view.canCommand(), store.rows.length === 0]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const focused = this.#focused();
    this.element.replaceChildren(this.#first(), this.#second());
    if (focused) this.element.querySelector<HTMLElement>(focused)?.focus();
    this.tick();
  }

  tick(): void {
    const { store } = this.#view;
    if (store.run === null) return;
    setText(this.#elapsed, clock((store.run.ended ?? store.now()) - store.run.started));
  }

  /** Selector of what has the focus, so that it has it again. */
  #focused(): string {
    const active = (this.element.getRootNode() as Document | ShadowRoot).activeElement;
    const hook = active instanceof HTMLElement && this.element.contains(active) ? active.dataset["hook"] : undefined;
    return hook === undefined ? "" : `[data-hook="${hook}"]`;
  }

  #first(): HTMLElement {
    const { store, connection } = this.#view;
    const lost = connection.health === "disconnected" || connection.health === "gone";
    const status = lost ? "disconnected" : store.run?.status ?? "starting";
    return h("div", { class: "xpm-id" },
      stateMark(status),
      cut(store.title.name, "xpm-name"),
      h("span", { class: "xpm-sub" },
        h("bdi", { class: "xpm-run xpm-muted xpm-cut", dir: "ltr", title: `run ${store.title.run}` }, store.title.run),
        h("span", { class: "xpm-meta" }, ...this.#meta(lost))),
      h("span", { class: "xpm-acts" }, ...this.#actions()));
  }

  #meta(lost: boolean): HTMLElement[] {
    const { store, connection } = this.#view;
    const run = store.run;
    if (lost) return [h("span", { class: "xpm-cut" }, h("b", {}, `as of ${timeOfDay(connection.heard / 1000)}`))];
    if (run === null) return [];
    const over = OVER.has(run.status);
    const parts = [h("span", {}, this.#elapsed, over ? " in all" : " elapsed")];
    if (over && run.ended !== null) {
      parts.push(h("span", { title: dateTime(run.ended) }, `ended ${timeOfDay(run.ended)}`));
    } else if (run.status === "stopping") {
      parts.push(h("span", {}, `${plural(run.counts.running, "job")} still running`));
    } else if (run.status === "held") {
      parts.push(h("span", { class: "xpm-cut", title: run.holder ?? null }, run.holder ?? ""));
    } else if (run.remaining !== null && run.counts.running + run.counts.waiting > 0) {
      parts.push(h("span", {}, h("b", {}, about(run.remaining)), " left"));
    }
    if (!over && store.title.workers > 0) {
      parts.push(h("span", { title: "running / limit of workers" }, h("b", {}, `${run.counts.running}/${store.title.workers}`), " workers"));
    }
    return parts;
  }

  #actions(): HTMLElement[] {
    const { store } = this.#view;
    const run = store.run;
    if (!store.commands) return [];
    const can = this.#view.canCommand();
    if (run !== null && OVER.has(run.status)) return run.counts.failed ? [this.#retry(run, can)] : [];
    const running = run?.counts.running ?? 0;
    const rest = running ? `the ${plural(running, "running job")} ${running === 1 ? "finishes" : "finish"}` : "no job is running";
    const kill = `Kill ${plural(running, "running job")} and stop the experiment? Work since ${running === 1 ? "its" : "their"} last checkpoint is lost.`;
    const stopping = run === null || run.status === "stopping" || run.status === "held";
    const stop = button("Stop experiment", "", () => this.#messages.confirm(
      `Stop the experiment? No new job starts; ${rest}.`, "Stop experiment", "", true,
      () => void this.#messages.send("stop", {})), { "disabled": !can || stopping, "data-hook": "stop" });
    if (run?.status === "idle" && run.counts.failed) return [stop, this.#retry(run, can)];  // there is nothing to kill
    return [stop,
      button("Kill all", "danger", () => this.#messages.confirm(
        kill, `Kill ${plural(running, "job")}`, "", true,
        () => void this.#messages.send("kill all", {})), { "disabled": !can || running === 0 || run?.status === "held", "data-hook": "kill" }),
    ];
  }

  #retry(run: Run, can: boolean): HTMLElement {
    const failed = plural(run.counts.failed, "failed job");
    const n = run.counts.skipped;
    const skipped = n ? `, and the ${plural(n, "job")} that ${n === 1 ? "was" : "were"} skipped because of ${run.counts.failed === 1 ? "it" : "them"}` : "";
    const made = button("", "", () => this.#messages.confirm(
      `Run ${failed} again${skipped}?`, `Retry ${plural(run.counts.failed, "job")}`, "go", true,
      () => void this.#messages.send("retry", { states: ["failed", "killed"] })), { "disabled": !can, "data-hook": "retry" });
    made.append("Retry failed", h("span", { class: "xpm-roomy" }, " jobs"));
    return made;
  }

  #second(): HTMLElement {
    const counts: Partial<Record<Counted, number>> = this.#view.store.run?.counts ?? {};
    const shown = COUNTED.filter((state) => counts[state] || state !== "skipped");
    return h("div", { class: "xpm-sum" }, bar(counts, "main"),
      h("div", { class: "xpm-chips", role: "group", "aria-label": "Filter by state" },
        ...shown.map((state) => this.#chip(state, counts[state] ?? 0))));
  }

  #chip(state: Counted, n: number): HTMLElement {
    const { ui } = this.#view;
    const why = state === "waiting" ? " (for a dependency, a token or a worker)" : "";
    const press = (): void => {
      if (!ui.states.delete(state)) ui.states.add(state);
      this.#view.refilter();
    };
    return h("button", {
      "class": `xpm-chip${n ? "" : " zero"}`, "type": "button", "aria-pressed": String(ui.states.has(state)),
      "title": `Show only ${state} jobs${why}`, "data-s": state, "data-hook": state, "onclick": press,
    }, icon(state), count(n), h("span", {}, ` ${state}`));
  }
}
