/** Where a job is, what it needs, what needs it, and each attempt to run it. */

import { cut, h, icon, stateMark } from "../dom.ts";
import { bytes, clock, count, dateTime } from "../format.ts";
import type { Details, Related } from "../messages.ts";
import type { Row } from "../store.ts";
import { stateName } from "../states.ts";
import type { View } from "../view.ts";

export async function details(view: View, row: Row, place: HTMLElement, isCurrent: () => boolean): Promise<void> {
  const reply = await view.connection.ask("details", { job: row.key });
  if (!isCurrent()) return;
  if (!reply.ok) {
    place.replaceChildren(h("p", { class: "xpm-muted xpm-flat" }, reply.error ?? ""));
    return;
  }
  const found = reply.data as Details;
  const now = view.store.now();
  const start = view.store.run?.started ?? 0;
  const mono = (text: string): HTMLElement => h("dd", { class: "xpm-mono xpm-cut", title: text, dir: "ltr" }, text);
  place.replaceChildren(
    h("dl", { class: "xpm-kv" }, h("dt", {}, "Identifier"), mono(row.id), h("dt", {}, "Folder"), mono(found.folder),
      h("dt", {}, "Launcher"), h("dd", {}, found.launcher), h("dt", {}, "Tokens"), h("dd", {}, found.tokens.join(", ") || "none"),
      h("dt", {}, "Submitted"), h("dd", {}, dateTime(found.submitted))),
    h("h4", {}, "Needs", h("span", {}, count(found.needs_count))), list(view, found.needs, found.needs_count),
    h("h4", {}, "Needed by", h("span", {}, count(found.needed_by_count))), list(view, found.needed_by, found.needed_by_count),
    h("h4", {}, "Attempts"),
    found.attempts.length === 0
      ? h("span", { class: "xpm-muted" }, "none in this run")
      : h("table", { class: "xpm-tbl" },
        h("thead", {}, h("tr", {}, ...["#", "State", "Started", "Duration", "Worker", "Peak memory"].map((title) => h("th", {}, title)))),
        h("tbody", {}, ...found.attempts.map((attempt) => h("tr", {},
          h("td", {}, String(attempt.n)), h("td", {}, stateMark(attempt.state)),
          h("td", { title: attempt.started === null ? null : dateTime(attempt.started) }, attempt.started === null ? "" : attempt.started < start ? dateTime(attempt.started) : clock(attempt.started - start)),
          h("td", {}, attempt.started === null ? "" : clock((attempt.ended ?? now) - attempt.started)),
          h("td", {}, attempt.worker),
          h("td", {}, attempt.peak_memory === null ? "" : bytes(attempt.peak_memory)))))));
}

function list(view: View, related: Related[], all: number): HTMLElement {
  if (related.length === 0) return h("span", { class: "xpm-muted" }, "nothing");
  const more = all - related.length;
  return h("ul", { class: "xpm-deps" },
    ...related.map((one) => h("li", { "data-s": stateName(one.state) }, icon(one.state),
      h("button", { class: "xpm-link xpm-cut", type: "button", onclick: () => view.open(one.key), disabled: view.store.find(one.key) === undefined },
        cut(`${one.task} ${one.tags.join(" ")}`.trim())),
      h("span", { class: "xpm-muted" }, one.state))),
    more > 0 ? h("li", { class: "xpm-muted" }, `and ${count(more)} more`) : null);
}
