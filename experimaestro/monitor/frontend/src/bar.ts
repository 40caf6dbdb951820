/** A bar whose parts are as long as there are jobs of a state; each that exists is seen. */

import { h } from "./dom.ts";
import type { Counted } from "./messages.ts";
import { COUNTED } from "./states.ts";

export type Counts = Partial<Record<Counted, number>>;

/** Counts in words: `9 done`, `2 failed`. */
export const words = (counts: Counts): string[] =>
  COUNTED.filter((state) => counts[state]).map((state) => `${counts[state]} ${state}`);

export function bar(counts: Counts, kind: "main" | "mini"): HTMLElement {
  const parts = COUNTED.filter((state) => counts[state])
    .map((state) => h("i", { "data-s": state, style: `flex-grow:${counts[state]}` }));
  return h("div", { class: `xpm-bar ${kind}`, role: "img", "aria-label": words(counts).join(", ") || "no job" },
    ...(parts.length ? parts : [h("i", { "data-s": "waiting" })]));
}
