/** A page to test in, and a feed at the other end of the wire. Imported before anything of the widget. */

import { Window } from "happy-dom";
import type { Cells, Model, Run } from "../src/messages.ts";

const window = new Window({ url: "http://localhost/", width: 1000, height: 800 });
for (const name of [
  "document", "HTMLElement", "HTMLInputElement", "Node", "ResizeObserver", "getComputedStyle", "matchMedia",
  "requestAnimationFrame", "MouseEvent", "KeyboardEvent", "PointerEvent", "Event", "FocusEvent", "queueMicrotask",
]) {
  if (name === "queueMicrotask") continue;
  Object.defineProperty(globalThis, name, { value: (window as unknown as Record<string, unknown>)[name], configurable: true, writable: true });
}
/* there is no layout: a table of 900 by 390 pixels with rows of 26 */
Object.defineProperty(window.HTMLElement.prototype, "clientWidth", { get: () => 900 });
Object.defineProperty(window.HTMLElement.prototype, "clientHeight", { get: () => 390 });

export const document_ = window.document as unknown as Document;

export function cells(i: number, state = "running", more: Partial<Record<"text" | "task", string>> & { tags?: Record<string, string>; value?: number } = {}): Cells {
  const task = more.task ?? "lab.train";
  return [`${task}/${String(i).padStart(64, "0")}`, task, more.tags ?? { lr: String(i) }, state, more.text ?? "", more.value ?? null, 100, null, 1];
}

export const run = (counts: Partial<Run["counts"]> = {}, more: Partial<Run> = {}): Run => ({
  status: "running", now: Date.now() / 1000, started: Date.now() / 1000 - 60, ended: null, remaining: null,
  counts: { done: 0, running: 0, waiting: 0, skipped: 0, failed: 0, ...counts }, trouble: "", paused: {}, ...more,
});

/** A model whose other end is written by a test. */
export class Wire implements Model {
  sent: Record<string, unknown>[] = [];
  #listeners = new Map<string, Set<(...args: never[]) => void>>();
  get(): unknown { return undefined; }
  set(): void { /* nothing is kept */ }
  on(name: string, listener: (...args: never[]) => void): void {
    this.#listeners.set(name, (this.#listeners.get(name) ?? new Set()).add(listener));
  }
  off(name?: string | null, listener?: ((...args: never[]) => void) | null): void {
    if (name && listener) this.#listeners.get(name)?.delete(listener);
  }
  send(content: unknown): void { this.sent.push(content as Record<string, unknown>); }
  emit(name: string, content: unknown = undefined): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(content as never);
  }
  listeners(): number {
    return [...this.#listeners.values()].reduce((n, one) => n + one.size, 0);
  }
  /** What was sent last of a kind. */
  last(kind: string): Record<string, unknown> {
    const message = this.sent.findLast((one) => one["t"] === kind);
    if (message === undefined) throw new Error(`no ${kind} was sent`);
    return message;
  }
  reset(rows: Cells[], head: Run | null = run(), more: Record<string, unknown> = {}): void {
    this.emit("msg:custom", {
      t: "reset", to: this.last("hello")["view"], epoch: "e", seq: 1, part: 0, parts: 1, rows, run: head, log: [], commands: true,
      title: { name: "first", run: "1", workspace: "/runs", workers: 2 }, ...more,
    });
  }
  delta(seq: number, more: Record<string, unknown>): void {
    this.emit("msg:custom", { t: "delta", epoch: "e", seq, ...more });
  }
  reply(message: Record<string, unknown>, data: unknown): void {
    this.emit("msg:custom", { t: "reply", id: message["id"], ok: true, data });
  }
}
