/**
 * Makes elements. Rule: every text goes in as a text node; nothing here, and nothing else in this
 * package, ever parses markup.
 */

import { SHAPES, stateName } from "./states.ts";

type Value = string | number | boolean | null | undefined | EventListener | ((event: never) => void);
export type Child = Node | string | null | undefined | false;

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes (`onclick` and others that begin with `on` are listeners) and content. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, Value> = {}, ...content: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...content.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element of a drawing. */
export function s(tag: string, attributes: Record<string, string>, ...content: Node[]): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

/** The shape of a state. */
export const icon = (state: string): SVGElement =>
  s("svg", { class: "xpm-i", viewBox: "0 0 16 16", "aria-hidden": "true" },
    ...(SHAPES[state] ?? SHAPES["info"] ?? []).map(([tag, attributes]) => s(tag, attributes)));

/** Shape and word of a state. */
export const stateMark = (state: string, word = state): HTMLElement =>
  h("span", { class: "xpm-st", "data-s": stateName(state) }, icon(state), h("span", { class: "xpm-word" }, word));

export const caret = (): SVGElement =>
  s("svg", { class: "xpm-caret", viewBox: "0 0 10 10", "aria-hidden": "true" },
    s("path", { d: "M3 1l4 4-4 4", fill: "none", stroke: "currentColor", "stroke-width": "1.4" }));

export const sign = (d: string): SVGElement =>
  s("svg", { class: "xpm-i", viewBox: "0 0 16 16", "aria-hidden": "true" },
    s("path", { d, fill: "none", stroke: "currentColor", "stroke-width": "1.5" }));

/** A button with a word. */
export const button = (
  label: string, kind: string, onclick: ((event: MouseEvent) => void) | null, more: Record<string, Value> = {},
): HTMLButtonElement =>
  h("button", { class: `xpm-btn ${kind}`.trim(), type: "button", onclick, ...more }, label);

/** A user's text on one line, cut with an ellipsis, whole in its title. */
export const cut = (text: string, kind = ""): HTMLElement =>
  h("bdi", { class: `xpm-cut ${kind}`.trim(), dir: "auto", title: text }, text);

/** Sets the text of an element, if it is another one. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets or removes an attribute, if it is another one. */
export function setAttribute(element: Element, name: string, value: string | null): void {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** The text of a view that has nothing else to show. */
export const blank = (title: string, text: Child[], ...actions: HTMLElement[]): HTMLElement =>
  h("div", { class: "xpm-blank" }, h("strong", {}, title), h("p", { class: "xpm-muted" }, ...text),
    actions.length ? h("div", { class: "xpm-row-of" }, ...actions) : null);

/** Puts a text into the clipboard and says so on the button. */
export function copy(text: string, pressed: HTMLElement): void {
  const before = pressed.dataset["label"] ??= pressed.textContent ?? "";  // it may say "Copied" still
  const say = (word: string): void => {
    pressed.textContent = word;
    setTimeout(() => { pressed.textContent = before; }, 1500);
  };
  if (navigator.clipboard === undefined) say("Not allowed");
  else navigator.clipboard.writeText(text).then(() => say("Copied"), () => say("Not allowed"));
}

/** Arrow keys move along a list of tabs. */
export function tabKeys(list: HTMLElement): void {
  list.addEventListener("keydown", (event) => {
    const rtl = getComputedStyle(list).direction === "rtl" ? -1 : 1;
    const step = ({ ArrowRight: rtl, ArrowLeft: -rtl } as Record<string, number>)[event.key];
    if (step === undefined) return;
    const tabs = [...list.children] as HTMLElement[];
    const at = tabs.indexOf(event.target as HTMLElement);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    next?.click();
    event.preventDefault();
  });
}
