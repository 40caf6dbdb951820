/**
 * The rows of a run as they are, made of resets and deltas. No element, no clock.
 * Rule: rows are addressed by number; a number that is missing makes the store ask for all (`gap`).
 */

import { COLUMNS, type Cells, type Delta, type Entry, type Reset, type Run, type Service, type Tags, type Title } from "./messages.ts";
import { shortName } from "./format.ts";

export interface Row {
  n: number;
  key: string;
  /** The identifier: the part of the key after the type */
  id: string;
  task: string;
  name: string;
  tags: Tags;
  state: string;
  text: string;
  value: number | null;
  started: number | null;
  ended: number | null;
  attempt: number;
  /** What was commanded and is not done yet: "killing" or "retrying" */
  pending: string;
}

export type Taken = "taken" | "ignored" | "gap";

const LOG = 500;

/** Tags without what every object of JavaScript has: one may be called `constructor`. */
const own = (tags: Tags): Tags => Object.assign(Object.create(null) as Tags, tags);

function rowOf(n: number, cells: Cells): Row {
  const [key, task, tags, state, text, value, started, ended, attempt] = cells;
  const id = key.slice(key.indexOf("/") + 1);
  return { n, key, id, task, name: shortName(task), tags: own(tags), state, text, value, started, ended, attempt, pending: "" };
}

export class Store {
  rows: Row[] = [];
  title: Title = { name: "", run: "", workspace: "", workers: 0 };
  run: Run | null = null;
  log: Entry[] = [];
  services: Service[] = [];
  /** Whether commands can be given */
  commands = true;
  epoch = "";
  seq = -1;
  /** Names of the tags, in the order in which they came, and the length of the longest value */
  readonly tags = new Map<string, number>();
  /** Numbers of the rows that changed since somebody emptied it */
  readonly changed = new Set<number>();
  /** Counts what changed the order or choice of rows: submissions and states */
  order = 0;
  #keys = new Map<string, Row>();
  #coming: Cells[] = [];
  #parts = 0;
  #head: Reset | null = null;
  #offset = 0;

  /** The row of a job. */
  find(key: string | null): Row | undefined {
    return key === null ? undefined : this.#keys.get(key);
  }

  /** Seconds since the epoch by the feed's clock. */
  now(): number {
    return Date.now() / 1000 + this.#offset;
  }

  /** Has nothing any more: the next hello brings everything. */
  forget(): void {
    this.rows = [];
    this.run = null;
    this.#keys = new Map();
    this.tags.clear();
    this.epoch = "";
    this.seq = -1;
    this.order += 1;
  }

  reset(message: Reset): Taken {
    if (message.part === 0) {
      this.#head = message;
      this.#coming = [];
      this.#parts = 0;
    }
    if (this.#head === null || message.part !== this.#parts || message.epoch !== this.#head.epoch) {
      this.#head = null;
      return "gap";
    }
    this.#parts += 1;
    for (const cells of message.rows) this.#coming.push(cells);
    if (this.#parts < message.parts) return "ignored";
    const head = this.#head;
    const pending = new Map(this.rows.filter((row) => row.pending).map((row) => [row.key, row]));
    this.rows = [];
    this.#keys = new Map();
    this.tags.clear();
    for (const cells of this.#coming) this.#add(cells);
    for (const [key, before] of pending) {
      const row = this.#keys.get(key);
      if (row !== undefined && row.state === before.state) row.pending = before.pending;
    }
    this.#coming = [];
    this.#head = null;
    this.epoch = head.epoch;
    this.seq = head.seq;
    this.title = head.title ?? this.title;
    this.commands = head.commands ?? this.commands;
    this.log = head.log ?? [];
    this.services = head.services ?? [];
    this.#setRun(head.run ?? null);
    this.order += 1;
    return "taken";
  }

  delta(message: Delta): Taken {
    if (this.seq < 0) return "ignored";
    if (message.epoch !== this.epoch || message.seq > this.seq + 1) return "gap";
    if (message.seq <= this.seq) return "ignored";
    this.seq = message.seq;
    for (const [n, column, value] of message.set ?? []) {
      const row = this.rows[n];
      const name = COLUMNS[column];
      if (row === undefined || name === undefined) return "gap";
      this.#set(row, name, value);
    }
    for (const cells of message.add ?? []) this.#add(cells);
    if (message.add?.length) this.order += 1;
    if (message.run !== undefined) this.#setRun(message.run);
    if (message.services !== undefined) this.services = message.services;
    if (message.log !== undefined) {
      this.log.push(...message.log);
      if (this.log.length > LOG) this.log.splice(0, this.log.length - LOG);
    }
    return "taken";
  }

  #setRun(run: Run | null): void {
    this.run = run;
    if (run !== null) this.#offset = run.now - Date.now() / 1000;
  }

  #set(row: Row, name: (typeof COLUMNS)[number], value: unknown): void {
    (row as unknown as Record<string, unknown>)[name] = name === "tags" ? own(value as Tags) : value;
    this.changed.add(row.n);
    if (name === "state") {
      row.pending = "";
      this.order += 1;
    } else if (name === "tags") {
      this.#measure(row.tags);
      this.order += 1;
    }
  }

  #add(cells: Cells): void {
    const row = rowOf(this.rows.length, cells);
    this.rows.push(row);
    this.#keys.set(row.key, row);
    this.#measure(row.tags);
  }

  #measure(tags: Tags): void {
    for (const name in tags) {
      this.tags.set(name, Math.max(this.tags.get(name) ?? 0, (tags[name] ?? "").length));
    }
  }
}

/** What tells a job apart for a person: the values of its tags, or the start of its identifier. */
export const tagText = (row: Row): string => Object.values(row.tags).join(" ") || row.id.slice(0, 8);

/** How long a job has run, in seconds; null before it did. */
export const seconds = (row: Row, now: number): number | null =>
  row.started === null ? null : Math.max(0, (row.ended ?? now) - row.started);
