/**
 * What a job prints, live. The end is shown first; while it is followed, each question for more waits
 * at the feed until there is some, and asking again renews it: whoever looks away asks no more.
 */

import { button, h, setAttribute, setText } from "../dom.ts";
import { bytes, plural } from "../format.ts";
import type { LogPart } from "../messages.ts";
import { Screen, visible } from "../screen.ts";
import type { Row } from "../store.ts";
import type { View } from "../view.ts";

const MOST = 1_000_000;
const PAUSE = 250;
const RETRY = 2_000;

export class Output {
  readonly element = h("div", { class: "xpm-fill" });
  #view: View;
  #key: string;
  #text = h("pre", { class: "xpm-pre xpm-out", dir: "ltr", tabindex: 0 });
  #about = h("span", { class: "xpm-muted xpm-cut xpm-grow xpm-end" });
  #follow: HTMLButtonElement;
  #earlier: HTMLButtonElement;
  /** Texts that nothing changes any more, and the byte at which each ends; about, if lines were overwritten */
  #parts: { text: Text; end: number }[] = [];
  /** The last lines: progress bars overwrite them */
  #screen = new Screen();
  #rest = document.createTextNode("");
  #last: LogPart | null = null;
  #begin = 0;
  #open = true;
  #follows: boolean;
  #isLive = true;
  #asked = 0;

  constructor(view: View, row: Row) {
    this.#view = view;
    this.#key = row.key;
    this.#follows = row.state === "running";
    this.#follow = button("Follow", "small", () => this.#setFollow(!this.#follows), { title: "Keep the last line in view" });
    this.#earlier = button("Earlier", "small", () => void this.#before());
    const streams = h("span", { "class": "xpm-seg", "role": "group", "aria-label": "Stream" }, ...(["stdout", "stderr"] as const).map((stream) =>
      button(stream, "small", () => this.#choose(stream), { "aria-pressed": String(view.ui.stream === stream), "data-stream": stream })));
    this.element.append(h("div", { class: "xpm-ptools" }, streams, this.#follow, this.#about, this.#earlier), this.#text);
    this.#text.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#setFollow(this.#follows);
    void this.#load();
  }

  /** The job may go on to write. */
  update(row: Row): void {
    const live = row.state === "running" || row.state === "queued";
    if (live && !this.#isLive) void this.#load();
    this.#isLive = live;
  }

  close(): void {
    this.#open = false;
  }

  #choose(stream: "stdout" | "stderr"): void {
    this.#view.ui.stream = stream;
    for (const one of this.element.querySelectorAll("[data-stream]")) setAttribute(one, "aria-pressed", String(one.getAttribute("data-stream") === stream));
    void this.#load();
  }

  #setFollow(follows: boolean): void {
    this.#follows = follows;
    setAttribute(this.#follow, "aria-pressed", String(follows));
    if (follows) this.#toEnd();
  }

  #toEnd(): void {
    this.#text.scrollTop = this.#text.scrollHeight;
  }

  /** Scrolling up ends Follow; scrolling to the end does not begin it. */
  #scrolled(): void {
    const left = this.#text.scrollHeight - this.#text.clientHeight - this.#text.scrollTop;
    if (this.#follows && left > 40) this.#setFollow(false);
  }

  async #question(fields: Record<string, unknown>): Promise<LogPart | null> {
    const reply = await this.#view.connection.ask("log", { job: this.#key, stream: this.#view.ui.stream, ...fields });
    if (reply.ok) return reply.data as LogPart;
    this.#say(reply.error ?? "");
    return null;
  }

  /** Shows the end, and goes on with what comes. */
  async #load(): Promise<void> {
    const asked = this.#asked += 1;
    setAttribute(this.#text, "aria-label", this.#view.ui.stream);
    const part = await this.#question({});
    if (!this.#open || asked !== this.#asked || part === null) return;
    this.#restart(part.begin);
    this.#add(part);
    this.#toEnd();
    let end = part.end;
    let goesOn = this.#isLive;
    while (this.#open && asked === this.#asked && this.element.isConnected && goesOn) {
      goesOn = this.#isLive;  // one that has ended is asked once more: what it printed last
      const more = await this.#question({ offset: end });
      if (!this.#open || asked !== this.#asked) return;
      if (more === null) { await pause(RETRY); continue; }
      if (more.begin < end || more.begin > end + 4) {  // begun anew, or more than one part
        this.#restart(more.begin);
      }
      end = more.end;
      this.#add(more);
      await pause(PAUSE);
    }
  }

  #add(part: LogPart): void {
    this.#last = part;
    if (part.text) {
      const settled = this.#screen.write(part.text);
      if (!this.#rest.isConnected) this.#text.replaceChildren(this.#rest);
      this.#rest.data = this.#screen.rest;
      if (settled) {
        const text = document.createTextNode(settled);
        this.#text.insertBefore(text, this.#rest);
        this.#parts.push({ text, end: part.end - new TextEncoder().encode(this.#rest.data).length });
      }
      let size = this.#parts.reduce((sum, one) => sum + one.text.length, 0);
      while (size > MOST && this.#parts.length > 1) {
        const first = this.#parts.shift();
        size -= first?.text.length ?? 0;
        this.#begin = first?.end ?? this.#begin;
        first?.text.remove();
      }
    }
    if (!this.#hasText()) this.#say(part.exists ? "Nothing was written yet." : this.#missing(part));
    this.#describe();
    if (this.#follows) this.#toEnd();
  }

  /** Begins with an empty text. */
  #restart(begin: number): void {
    this.#begin = begin;
    this.#parts = [];
    this.#screen = new Screen();
    this.#rest.data = "";
    this.#text.replaceChildren();
  }

  #hasText(): boolean {
    return this.#parts.length > 0 || this.#rest.data !== "";
  }

  #missing(part: LogPart): string {
    const row = this.#view.store.find(this.#key);
    return row !== undefined && row.started !== null && row.text !== "reused from an earlier run" && row.ended !== null
      ? `The file is gone: ${part.path}` : "Nothing was written yet.";
  }

  async #before(): Promise<void> {
    const asked = this.#asked;
    const part = await this.#question({ before: this.#begin });
    if (part === null || asked !== this.#asked || !part.text) return;
    this.#setFollow(false);
    const bottom = this.#text.scrollHeight - this.#text.scrollTop;
    const text = document.createTextNode(visible(part.text));
    this.#parts.unshift({ text, end: part.end });
    this.#text.prepend(text);
    this.#begin = part.begin;
    this.#text.scrollTop = this.#text.scrollHeight - bottom;
    this.#describe();
  }

  #describe(): void {
    const text = this.#parts.map((one) => one.text.data).join("") + this.#rest.data;
    const lines = text.split("\n").length - Number(text.endsWith("\n"));
    const whole = this.#begin === 0;
    setText(this.#about, !this.#hasText() ? "" : whole ? plural(lines, "line") : `last ${plural(lines, "line")} of ${bytes(this.#last?.size ?? 0)}`);
    this.#earlier.hidden = whole;
  }

  #say(text: string): void {
    this.#restart(this.#begin);
    this.#text.replaceChildren(h("span", { class: "xpm-muted" }, text));
    setText(this.#about, "");
    this.#earlier.hidden = true;
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });
