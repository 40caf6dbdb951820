/**
 * What a terminal would have left of a text that comes in parts: overwritten lines once (a progress bar, or several that
 * move the cursor up), no escape sequences. Lines are kept whole: a shorter text replaces all of a longer one. Pure.
 */

// eslint-disable-next-line no-control-regex
const TOKENS = /\n|\r|\x1b\[(\d*)A|\x1b\[[012]?K|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\|$)|\x1b[ -/]*[0-~]?|[^\n\r\x1b]+/g;
// eslint-disable-next-line no-control-regex
const BEGUN = /\x1b(?:\[[0-?]*[ -/]*)?$/;
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Lines that a text may still change */
const HEIGHT = 20;
/** Characters of these lines; more are left as they are */
const MOST = 64_000;

export class Screen {
  #lines = [""];
  #row = 0;
  /** Whether what comes replaces the line */
  #replaces = false;
  /** An escape sequence of which the end did not come yet */
  #begun = "";

  /** Takes what was printed; the text that nothing can change any more, each line of it with its end. */
  write(printed: string): string {
    let text = this.#begun + printed;
    this.#begun = BEGUN.exec(text)?.[0] ?? "";
    text = text.slice(0, text.length - this.#begun.length);
    for (const [token, up] of text.matchAll(TOKENS)) this.#take(token, up);
    return this.#settle();
  }

  /** The lines that may still change. */
  get rest(): string {
    return this.#lines.join("\n");
  }

  #take(token: string, up: string | undefined): void {
    if (token === "\n") {
      this.#row += 1;
      this.#replaces = true;
      if (this.#row === this.#lines.length) this.#lines.push("");
    } else if (token === "\r") this.#replaces = true;
    else if (up !== undefined) this.#row = Math.max(0, this.#row - (Number(up) || 1));
    else if (token.startsWith("\x1b")) {
      if (token.endsWith("K") && this.#replaces) this.#lines[this.#row] = "";
    } else {
      const shown = token.replace(CONTROLS, "\ufffd");
      this.#lines[this.#row] = this.#replaces ? shown : (this.#lines[this.#row] ?? "") + shown;
      this.#replaces = false;
    }
  }

  #settle(): string {
    const done = Math.min(this.#row, this.#lines.length - HEIGHT);
    let settled = done > 0 ? `${this.#lines.splice(0, done).join("\n")}\n` : "";
    this.#row -= Math.max(0, done);
    if (this.rest.length > MOST) {
      settled += this.rest;
      this.#lines = [""];
      this.#row = 0;
    }
    return settled;
  }
}

/** What a terminal would have left of a whole text. */
export function visible(text: string): string {
  const screen = new Screen();
  return screen.write(text) + screen.rest;
}
