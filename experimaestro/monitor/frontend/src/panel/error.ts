/** Why a job failed: the user's own lines first, innermost call on top. */

import { button, caret, copy, h } from "../dom.ts";
import type { Failure, Reply } from "../messages.ts";
import { plural } from "../format.ts";
import type { Row } from "../store.ts";
import type { View } from "../view.ts";

export async function error(view: View, row: Row, place: HTMLElement, isCurrent: () => boolean): Promise<void> {
  place.replaceChildren(h("p", { class: "xpm-err" }, h("bdi", { dir: "auto" }, row.text)));
  const reply: Reply = await view.connection.ask("error", { job: row.key });
  if (!isCurrent()) return;
  if (!reply.ok) {
    place.append(h("p", { class: "xpm-muted" }, reply.error ?? ""));
    return;
  }
  const failure = reply.data as Failure;
  const parts: (HTMLElement | null)[] = [
    h("p", { class: "xpm-err" }, h("strong", {}, failure.type), h("bdi", { dir: "auto" }, failure.message)),
    failure.frames.length
      ? h("h4", {}, "Your code, innermost call first", h("span", { class: "xpm-grow" }),
        button("Copy traceback", "small", (event) => copy(failure.traceback, event.currentTarget as HTMLElement)))
      : null,
    ...failure.frames.map((frame) => h("div", { class: "xpm-frame", dir: "ltr" },
      h("div", {}, h("span", { class: "xpm-mono xpm-cut xpm-path", title: `${frame.file}:${frame.line}` }, `${shorter(frame.file)}:${frame.line}`),
        h("span", { class: "xpm-muted xpm-cut" }, frame.name)),
      frame.source.length ? source(frame.source, frame.line) : null)),
    failure.library_calls ? h("p", { class: "xpm-more" }, `${plural(failure.library_calls, "call")} inside ${failure.libraries.join(", ")}`) : null,
    failure.traceback
      ? h("details", {}, h("summary", { class: "xpm-more" }, caret(), "Traceback as Python printed it"),
        h("pre", { class: "xpm-pre", dir: "ltr", tabindex: 0 }, failure.traceback))
      : null,
    ...(failure.tail.length
      ? [h("h4", {}, "Last lines of stderr"), h("pre", { class: "xpm-pre", dir: "ltr", tabindex: 0 }, failure.tail.join("\n"))]
      : []),
  ];
  place.replaceChildren(...parts.filter((part) => part !== null));
}

const SHORT = 40;

/** The last parts of a path, three at most, and no more than are seen whole: the name of the file is among them. */
export function shorter(file: string): string {
  const parts = file.split("/").slice(-3);
  while (parts.length > 1 && parts.join("/").length > SHORT) parts.shift();
  return parts.join("/");
}

function source(lines: [number, string][], hit: number): HTMLElement {
  const indents = lines.filter(([, text]) => text.trim()).map(([, text]) => text.search(/\S/));
  const indent = Math.min(...(indents.length ? indents : [0]));
  return h("pre", { class: "xpm-pre", dir: "ltr", tabindex: 0 },
    ...lines.map(([number, text]) => h("span", { class: number === hit ? "hit" : null }, h("span", { class: "no" }, String(number)), text.slice(indent))));
}
