/**
 * The wire to the feed: says hello until it is answered, shows signs of life, asks and commands.
 * Rules: a message that is missing is asked for again; a command is sent again under the same id
 * until it is answered; a wire that is silent is said to be so, and tried with growing pauses.
 */

import {
  VERSION, type Command, type Incoming, type Model, type Reply,
} from "./messages.ts";
import type { Store } from "./store.ts";

export type Health = "loading" | "live" | "disconnected" | "gone" | "old";

/** Times, in milliseconds. */
export const ALIVE = 10_000;
export const ANSWER = 5_000;
const LEASE = 45_000;
const HASTE = 500;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;

interface Waiting {
  message: Record<string, unknown>;
  done: (reply: Reply) => void;
}

export interface Listener {
  /** Rows, head or log changed. */
  changed(): void;
  /** The wire is another one, or later. */
  health(): void;
}

export class Connection {
  health: Health = "loading";
  /** When the feed was last heard of, by the browser's clock */
  heard = 0;
  /** When the wire is tried again, by the browser's clock */
  again = 0;
  /** When the view was opened, by the browser's clock */
  readonly opened = Date.now();
  readonly name: string;
  #model: Model;
  #store: Store;
  #listener: Listener;
  #waiting = new Map<string, Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pause = FIRST_PAUSE;
  #count = 0;
  #greeted = 0;
  #receive = (content: Incoming): void => this.#take(content);
  #closed = (): void => this.#lose("gone");

  constructor(model: Model, store: Store, listener: Listener) {
    this.#model = model;
    this.#store = store;
    this.#listener = listener;
    this.name = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  open(): void {
    this.#model.on("msg:custom", this.#receive);
    this.#model.on("comm:close", this.#closed);
    this.#model.on("comm_live_update", this.#closed);
    this.hello();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#model.off("msg:custom", this.#receive);
    this.#model.off("comm:close", this.#closed);
    this.#model.off("comm_live_update", this.#closed);
    if (this.health !== "gone") this.#send({ t: "bye", view: this.name });
  }

  /** Says what this view has; the feed sends what is missing, or a sign of life. */
  hello(): void {
    if (this.health === "gone" || this.health === "old") return;
    this.#greeted = Date.now();
    const { epoch, seq } = this.#store;
    this.#send({ t: "hello", v: VERSION, view: this.name, epoch, seq });
    this.#schedule(ANSWER, () => this.#silent());
  }

  /** Gives a command; the answer comes also if the wire is interrupted meanwhile. */
  command(command: Command, fields: Record<string, unknown>): Promise<Reply> {
    return this.#request({ t: "do", do: command, ...fields });
  }

  /** Asks something. */
  ask(question: string, fields: Record<string, unknown> = {}): Promise<Reply> {
    return this.#request({ t: "ask", ask: question, ...fields });
  }

  /** Tells the host which rows are marked. */
  select(rows: Iterable<number>): void {
    this.#send({ t: "selected", epoch: this.#store.epoch, rows: ranges(rows) });
  }

  #request(fields: Record<string, unknown>): Promise<Reply> {
    const id = `${this.name}:${(this.#count += 1)}`;
    const message = { ...fields, id };
    if (this.health === "gone" || this.health === "old") return Promise.resolve(unanswered(id));
    return new Promise((done) => {
      this.#waiting.set(id, { message, done });
      if (this.health === "live") this.#send(message);
    });
  }

  #send(message: Record<string, unknown>): void {
    try {
      this.#model.send(message);
    } catch (error) {
      console.warn("experimaestro: a message could not be sent", error);
    }
  }

  #schedule(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }

  /** Nobody answered. */
  #silent(): void {
    if (this.health === "live") this.#lose("disconnected");
    this.again = Date.now() + this.#pause;
    this.#schedule(this.#pause, () => this.hello());
    this.#pause = Math.min(LONGEST_PAUSE, 2 * this.#pause);
    this.#listener.health();
  }

  #lose(health: "disconnected" | "gone"): void {
    this.health = health;
    if (health === "gone") this.#end();
    this.#listener.health();
  }

  /** Nobody answers any more. */
  #end(): void {
    clearTimeout(this.#timer);
    for (const [id, { done }] of this.#waiting) done(unanswered(id));
    this.#waiting.clear();
  }

  #take(content: Incoming): void {
    if (typeof content !== "object" || content === null) return;
    if ("to" in content && content.to !== undefined && content.to !== this.name) return;
    if (content.t === "reply") {
      const waiting = this.#waiting.get(content.id);
      this.#waiting.delete(content.id);
      waiting?.done(content);
    } else if (content.t === "old") {
      this.health = "old";
      this.#end();
      this.#listener.health();
    } else if (content.t === "reset" || content.t === "delta") {
      const taken = content.t === "reset" ? this.#store.reset(content) : this.#store.delta(content);
      if (taken === "gap") {
        this.#schedule(Math.max(0, this.#greeted + HASTE - Date.now()), () => this.hello());
        return;
      }
      if (content.epoch === this.#store.epoch) this.#alive();
      if (taken === "taken") this.#listener.changed();
    }
  }

  #alive(): void {
    this.heard = Date.now();
    this.#pause = FIRST_PAUSE;
    if (this.heard - this.#greeted > LEASE) this.hello();
    else this.#schedule(ALIVE, () => this.hello());
    if (this.health === "live") return;
    this.health = "live";
    for (const { message } of this.#waiting.values()) this.#send(message);
    this.#listener.health();
  }
}

/** Numbers as ranges, ascending: the first and the last of each. */
export function ranges(numbers: Iterable<number>): [number, number][] {
  const found: [number, number][] = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last !== undefined && n === last[1] + 1) last[1] = n;
    else found.push([n, n]);
  }
  return found;
}

const unanswered = (id: string): Reply => ({ t: "reply", id, ok: false, error: "The kernel that knew it is gone." });
