/**
 * A state is a shape, a word and a colour; remove any one and the view still reads.
 * The words of jobs come from the feed; the colours are in `style.css`.
 */

import type { Counted } from "./messages.ts";

type Shape = [element: "path" | "circle" | "rect", attributes: Record<string, string>][];

const GROUND = "var(--xpm-bg)";
const ring = (width = "1.5", more: Record<string, string> = {}): Shape[number] =>
  ["circle", { cx: "8", cy: "8", r: "6.2", fill: "none", stroke: "currentColor", "stroke-width": width, ...more }];
const line = (d: string, width = "1.5", stroke = "currentColor"): Shape[number] =>
  ["path", { d, fill: "none", stroke, "stroke-width": width }];

const CLOCK: Shape = [ring(), line("M8 4.4V8l2.6 1.6")];
const CROSS: Shape = [
  ["rect", { x: "1", y: "1", width: "14", height: "14", rx: "2", fill: "currentColor" }],
  line("M5 5l6 6M11 5l-6 6", "1.8", GROUND),
];
const DISC: Shape = [
  ["circle", { cx: "8", cy: "8", r: "7", fill: "currentColor" }],
  line("M4.6 8.3l2.3 2.3 4.5-4.8", "1.7", GROUND),
];
const HOLLOW: Shape = [
  ["rect", { x: "2.5", y: "2.5", width: "11", height: "11", rx: "1", fill: "none", stroke: "currentColor", "stroke-width": "1.6" }],
];

/** What is drawn for each state, of jobs, runs, services and lines of the log. */
export const SHAPES: Record<string, Shape> = {
  "done": DISC,
  "running": [["path", { d: "M3.5 2.2v11.6L14 8z", fill: "currentColor", stroke: "currentColor", "stroke-width": "1.2", "stroke-linejoin": "round" }]],
  "queued": CLOCK,
  "starting": CLOCK,
  "stopping": CLOCK,
  "held": CLOCK,
  "idle": [ring(), line("M5.9 5.4v5.2M10.1 5.4v5.2")],
  "waiting": [ring("1.6", { "stroke-dasharray": "2.9 2" })],
  "skipped": [ring(), line("M3.8 12.2l8.4-8.4")],
  "not needed": [ring(), line("M5 8h6")],
  "failed": CROSS,
  "error": CROSS,
  "killed": [
    ["rect", { x: "2", y: "2", width: "12", height: "12", rx: "1.5", fill: "none", stroke: "currentColor", "stroke-width": "1.6" }],
    ["rect", { x: "5.5", y: "5.5", width: "5", height: "5", fill: "currentColor" }],
  ],
  "stopped": HOLLOW,
  "warning": [["path", { d: "M8 1.6L15.2 14.4H.8z", fill: "currentColor" }], line("M8 6v4.2M8 11.6v1.5", "1.7", GROUND)],
  "info": [ring("1.4"), line("M8 7.2v4.2M8 4.4v1.5", "1.6")],
  "disconnected": [line("M2.2 8a5.8 5.8 0 0 1 9.9-4.1M13.8 8a5.8 5.8 0 0 1-9.9 4.1"), line("M2.5 13.5l11-11")],
};

/** The states that are counted, in the order of bar and filters. */
export const COUNTED: readonly Counted[] = ["done", "running", "waiting", "skipped", "failed"];

/** Trouble first: the order in which a table begins. */
export const ATTENTION: readonly string[] =
  ["failed", "killed", "running", "queued", "waiting", "skipped", "done", "not needed"];

const COUNTED_AS: Record<string, Counted> = {
  "queued": "waiting", "killed": "failed", "not needed": "skipped",
  "done": "done", "running": "running", "waiting": "waiting", "skipped": "skipped", "failed": "failed",
};

/** Under which state a job is counted. */
export const countedAs = (state: string): Counted => COUNTED_AS[state] ?? "waiting";

/** The value of a `data-state`: one word. */
export const stateName = (state: string): string => (state === "not needed" ? "unneeded" : state);

const KILLABLE = new Set(["running", "queued", "waiting"]);
const RETRYABLE = new Set(["failed", "killed", "skipped"]);

export type Action = "Kill" | "Retry";

/** The one thing that can be done to a job. */
export const actionOf = (state: string): Action | null =>
  KILLABLE.has(state) ? "Kill" : RETRYABLE.has(state) ? "Retry" : null;
