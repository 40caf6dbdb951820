/** What the parts of the widget share: the rows, the wire, the reader's choices, and each other's services. */

import type { Connection } from "./connection.ts";
import type { Action } from "./states.ts";
import type { Row, Store } from "./store.ts";
import type { Ui } from "./ui.ts";

export interface View {
  readonly store: Store;
  readonly connection: Connection;
  readonly ui: Ui;
  readonly root: HTMLElement;
  /** Size of the text, in pixels */
  em(): number;
  /** Whether commands can be given now */
  canCommand(): boolean;
  /** Asks the reader, then kills or retries */
  ask(action: Action, rows: Row[]): void;
  /** Shows a job in the panel */
  open(key: string, keepFocus?: boolean): void;
  close(): void;
  /** Marks jobs */
  pick(keys: Iterable<string>, mode: "toggle" | "add" | "clear"): void;
  /** The choice of rows changed: search, filter, sort, group */
  refilter(): void;
  /** Another tab */
  show(tab: Ui["tab"]): void;
}

/** A part of the widget. */
export interface Part {
  readonly element: HTMLElement;
  /** Shows what is; cheap if nothing changed */
  paint(): void;
  /** A second went by */
  tick?(): void;
  /** The part gets another size */
  resize?(): void;
  /** The part is taken away */
  dispose?(): void;
}
