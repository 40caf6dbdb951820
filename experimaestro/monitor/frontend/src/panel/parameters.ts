/** The parameters of a job as a tree. */

import { caret, cut, h } from "../dom.ts";
import type { Parameter } from "../messages.ts";
import type { Row } from "../store.ts";
import type { View } from "../view.ts";

export async function parameters(view: View, row: Row, place: HTMLElement, isCurrent: () => boolean): Promise<void> {
  place.replaceChildren();
  const reply = await view.connection.ask("parameters", { job: row.key });
  if (!isCurrent()) return;
  const nodes = reply.data as Parameter[] | null | undefined;
  const text = !reply.ok ? reply.error ?? "" : nodes == null ? "They are written when the job is started." : nodes.length === 0 ? "It has none." : "";
  place.replaceChildren(text ? h("p", { class: "xpm-muted xpm-flat" }, text) : tree(nodes ?? []));
}

/** A tree of parameters, configurations folded from the second level on. */
export const tree = (nodes: Parameter[]): HTMLElement =>
  h("div", { class: "xpm-tree" }, ...nodes.map((node) => branch(node, 0)));

function branch(node: Parameter, level: number): HTMLElement {
  if (node.kids === undefined) {
    return h("div", { class: "xpm-leaf" }, h("span", { class: "xpm-key", title: node.key }, node.key),
      cut(node.value ?? "", "xpm-val"), node.kind ? h("span", { class: "xpm-tag" }, node.kind) : null);
  }
  return h("details", { open: level === 0 },
    h("summary", {}, caret(), h("span", { class: "xpm-key xpm-own" }, node.key), h("b", { class: "xpm-mid" }, node.type ?? "")),
    h("div", { class: "xpm-kids" }, ...node.kids.map((kid) => branch(kid, level + 1))));
}
