/**
 * What the feed and a view say to each other. The twin of `monitor/messages.py`, which has the rules.
 */

export const VERSION = 1;

export type Tags = Record<string, string>;

/** A row as it comes, in the order of `COLUMNS`. */
export type Cells = [
  key: string, task: string, tags: Tags, state: string, text: string, value: number | null,
  started: number | null, ended: number | null, attempt: number,
];

export const COLUMNS = ["key", "task", "tags", "state", "text", "value", "started", "ended", "attempt"] as const;

export interface Title {
  name: string;
  run: string;
  workspace: string;
  workers: number;
}

export type Counted = "done" | "running" | "waiting" | "skipped" | "failed";

export interface Service {
  id: string;
  name: string;
  state: string;
  error: string;
  /** Where its page is, on the machine of the kernel; null unless it runs */
  port: number | null;
  can_start: boolean;
  can_stop: boolean;
}

/** The head of a run. */
export interface Run {
  status: string;
  /** The feed's clock, in seconds since the epoch */
  now: number;
  started: number;
  ended: number | null;
  /** Estimate, in seconds */
  remaining: number | null;
  counts: Record<Counted, number>;
  /** What stops all jobs at present, or "" */
  trouble: string;
  /** Tasks that are paused, and why */
  paused: Record<string, string>;
  /** Who has the run, if this process has not: status `held` */
  holder?: string;
  /** What is told below the run */
  note?: string;
}

export type Entry = [t: number, level: "info" | "warning" | "error", text: string];

export interface Reset {
  t: "reset";
  to: string;
  epoch: string;
  seq: number;
  part: number;
  parts: number;
  rows: Cells[];
  cols?: string[];
  title?: Title;
  run?: Run | null;
  log?: Entry[];
  services?: Service[];
  commands?: boolean;
}

export interface Delta {
  t: "delta";
  to?: string;
  epoch: string;
  seq: number;
  set?: [row: number, column: number, value: unknown][];
  add?: Cells[];
  run?: Run;
  log?: Entry[];
  services?: Service[];
}

export interface Reply {
  t: "reply";
  id: string;
  ok: boolean;
  data?: unknown;
  error?: string;
}

export interface Old {
  t: "old";
  to: string;
}

export type Incoming = Reset | Delta | Reply | Old;

export type Command = "kill" | "retry" | "stop" | "kill all" | "continue" | "start service" | "stop service";

/** Answer to `ask("details")`. */
export interface Details {
  folder: string;
  launcher: string;
  tokens: string[];
  needs: Related[];
  needs_count: number;
  needed_by: Related[];
  needed_by_count: number;
  attempts: Attempt[];
  submitted: number;
}

export interface Related {
  key: string;
  task: string;
  tags: string[];
  state: string;
}

export interface Attempt {
  n: number;
  state: string;
  started: number | null;
  ended: number | null;
  worker: string;
  /** In bytes; null while it runs, and of one that left no word. */
  peak_memory: number | null;
}

/** Answer to `ask("error")`. */
export interface Failure {
  type: string;
  message: string;
  frames: { file: string; line: number; name: string; source: [number, string][] }[];
  library_calls: number;
  libraries: string[];
  traceback: string;
  tail: string[];
}

/** Answer to `ask("parameters")`: a tree, or null before the job was started. */
export interface Parameter {
  key: string;
  value?: string;
  kind?: string;
  type?: string;
  kids?: Parameter[];
}

/** Answer to `ask("log")`. */
export interface LogPart {
  begin: number;
  end: number;
  size: number;
  text: string;
  exists: boolean;
  path: string;
}

/** Answer to `ask("graph")`. */
export interface Dependencies {
  /** Numbers of rows: what is needed, what needs it; null where there are too many jobs */
  jobs: [number, number][] | null;
  /** The same for tasks */
  tasks: [string, string][];
}

/** What a host gives: the part of anywidget's model that is used. */
export interface Model {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  on(name: string, listener: (...args: never[]) => void): void;
  off(name?: string | null, listener?: ((...args: never[]) => void) | null): void;
  send(content: unknown): void;
}
