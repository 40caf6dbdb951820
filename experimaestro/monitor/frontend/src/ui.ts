/** What the reader chose: which tab, what is open, marked, searched. Kept while data comes and goes. */

import type { Query } from "./query.ts";

export type Tab = "Jobs" | "Graph" | "Services" | "Log";
export type PanelTab = "Error" | "Output" | "Parameters" | "Details";

export interface Ui extends Query {
  tab: Tab;
  /** Key of the job in the panel */
  open: string | null;
  /** What the reader chose in the panel; null: what fits the job */
  panel: PanelTab | null;
  stream: "stdout" | "stderr";
  states: Set<string>;
  closed: Set<string>;
  /** Keys of the marked jobs */
  picked: Set<string>;
  /** Key of the row that has, or would get, the focus */
  focus: string | null;
  collapsed: boolean;
  fit: boolean;
  warnings: boolean;
  large: boolean;
}

export const initial = (): Ui => ({
  tab: "Jobs", open: null, panel: null, stream: "stdout", search: "", states: new Set(), sort: "state",
  descending: false, grouped: false, closed: new Set(), picked: new Set(), focus: null, collapsed: false,
  fit: false, warnings: false, large: false,
});
