/** The elements of one row: made once, filled again and again as the table scrolls. */

import type { Column } from "./columns.ts";
import { h, icon, setAttribute, setText } from "./dom.ts";
import { clock, dateTime } from "./format.ts";
import { seconds, type Row } from "./store.ts";
import { actionOf, stateName, type Action } from "./states.ts";

export interface Pressed {
  open(row: Row, event: MouseEvent): void;
  pick(row: Row): void;
  act(row: Row, action: Action): void;
}

/** What a row needs to know besides the job. */
export interface Situation {
  now: number;
  started: number;
  index: number;
  open: boolean;
  picked: boolean;
  focus: boolean;
  level: boolean;
  can: boolean;
}

type Fill = (row: Row, at: Situation) => void;

export class RowElement {
  readonly element = h("div", { class: "xpm-row", role: "row" });
  row: Row | null = null;
  #fills: Fill[] = [];
  #pressed: Pressed;

  constructor(columns: readonly Column[], pressed: Pressed) {
    this.#pressed = pressed;
    for (const column of columns) {
      const cell = h("span", { role: "gridcell", class: `xpm-cell${column.right ? " xpm-r" : ""}` });
      this.#fills.push(this.#make(column, cell));
      this.element.append(cell);
    }
    this.element.addEventListener("click", (event) => {
      if (this.row !== null) pressed.open(this.row, event);
    });
  }

  fill(row: Row, at: Situation): void {
    this.row = row;
    const { element } = this;
    setAttribute(element, "aria-rowindex", String(at.index + 2));
    setAttribute(element, "aria-level", at.level ? "2" : null);
    setAttribute(element, "aria-selected", String(at.picked));
    setAttribute(element, "tabindex", at.focus ? "0" : "-1");
    setAttribute(element, "data-job-id", row.id);
    setAttribute(element, "data-state", stateName(row.state));
    setAttribute(element, "data-task", row.task);
    element.classList.toggle("open", at.open);
    for (const fill of this.#fills) fill(row, at);
  }

  #make(column: Column, cell: HTMLElement): Fill {
    switch (column.key) {
      case "pick": return this.#makePick(cell);
      case "state": return this.#makeState(cell);
      case "task": return this.#makeTask(cell);
      case "progress": return this.#makeProgress(cell);
      case "action": return this.#makeAction(cell);
      case "tags": return text(cell, "xpm-mono", (row) => Object.values(row.tags).join(" "),
        (row) => Object.entries(row.tags).map(([name, value]) => `${name}=${value}`).join(" "));
      case "started": return text(cell, "xpm-muted",
        (row, at) => row.started === null ? "" : row.started < at.started ? "earlier" : clock(row.started - at.started),
        (row) => row.started === null ? "" : dateTime(row.started));
      case "duration": return (row, at) => {
        const ran = seconds(row, at.now);
        setText(cell, ran === null ? "" : clock(ran));
        cell.classList.toggle("xpm-muted", row.state !== "running");
      };
      default: {
        const name = column.key.slice("tag:".length);
        return text(cell, "xpm-mono", (row) => row.tags[name] ?? "", (row) => name in row.tags ? `${name}=${row.tags[name]}` : "");
      }
    }
  }

  #makePick(cell: HTMLElement): Fill {
    const box = h("input", { class: "xpm-check", type: "checkbox", tabindex: -1 });
    box.addEventListener("click", (event) => {
      event.stopPropagation();
      if (this.row !== null) this.#pressed.pick(this.row);
    });
    cell.append(box);
    return (row, at) => {
      box.checked = at.picked;
      setAttribute(box, "aria-label", `Select ${row.name}`);
    };
  }

  #makeState(cell: HTMLElement): Fill {
    const word = h("span", { class: "xpm-word" });
    const mark = h("span", { class: "xpm-st" }, word);
    cell.append(mark);
    let shown = "";
    return (row) => {
      if (row.state === shown) return;
      shown = row.state;
      setAttribute(mark, "data-s", stateName(row.state));
      word.textContent = row.state;
      mark.replaceChildren(icon(row.state), word);
    };
  }

  #makeTask(cell: HTMLElement): Fill {
    const name = h("b");
    const whole = h("bdi", { class: "xpm-cut", dir: "auto" }, name);
    const id = h("span", { class: "xpm-mono xpm-muted xpm-wide" });
    cell.append(h("span", { class: "xpm-task" }, whole, id));
    return (row) => {
      setText(name, row.name);
      setAttribute(whole, "title", row.task);
      setText(id, row.id.slice(0, 8));
      setAttribute(id, "title", row.id);
    };
  }

  #makeProgress(cell: HTMLElement): Fill {
    const done = h("i");
    const meter = h("span", { "class": "xpm-meter", "role": "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, done);
    const percent = h("span", { class: "xpm-pct" });
    const words = h("span", { class: "xpm-cut xpm-what", dir: "auto" });
    const all = h("span", { class: "xpm-prog" }, meter, percent, words);
    cell.append(all);
    return (row) => {
      const { value } = row;
      const shown = row.pending || row.text;
      meter.hidden = percent.hidden = value === null;
      all.classList.toggle("has-meter", value !== null);
      if (value !== null) {
        const whole = Math.floor(value * 100);
        done.style.width = `${value * 100}%`;
        setText(percent, `${whole}%`);
        setAttribute(meter, "aria-label", `Progress of ${row.name}`);
        setAttribute(meter, "aria-valuenow", String(whole));
        setAttribute(meter, "aria-valuetext", shown || `${whole}%`);
      }
      setText(words, shown);
      setAttribute(words, "title", shown || null);
      words.classList.toggle("xpm-muted", row.state !== "failed");
    };
  }

  #makeAction(cell: HTMLElement): Fill {
    const button = h("button", { class: "xpm-btn small xpm-act", type: "button", tabindex: -1 });
    button.addEventListener("click", (event) => {
      event.stopPropagation();
      const action = this.row === null ? null : actionOf(this.row.state);
      if (this.row !== null && action !== null) this.#pressed.act(this.row, action);
    });
    cell.append(button);
    return (row, at) => {
      const action = actionOf(row.state);
      button.hidden = action === null;
      button.disabled = !at.can || row.pending !== "";
      setText(button, action ?? "");
    };
  }
}

/** A cell with one text, cut where it does not fit. */
function text(
  cell: HTMLElement, kind: string, value: (row: Row, at: Situation) => string, title?: (row: Row) => string,
): Fill {
  const whole = h("bdi", { class: `xpm-cut ${kind}`, dir: "auto" });
  cell.append(whole);
  return (row, at) => {
    setText(whole, value(row, at));
    if (title) setAttribute(whole, "title", title(row) || null);
  };
}
