/**
 * One place for messages, over the last row, one at a time: a question before anything is done, then
 * a lost wire, then the marked jobs, which the reader has just marked, then what stops the run.
 */

import { ranges } from "./connection.ts";
import { button, copy, h, icon } from "./dom.ts";
import { plural, shortName, timeOfDay } from "./format.ts";
import type { Command } from "./messages.ts";
import { actionOf, type Action } from "./states.ts";
import { tagText, type Row } from "./store.ts";
import type { Part, View } from "./view.ts";

/** How long a command may be without an answer before the reader is told, in milliseconds */
const PATIENCE = 2_000;
const SHOWN = 6_000;
const QUIET = 10_000;
/** Of more jobs, a command has the numbers of their rows: of 100,000 keys a server would refuse the message */
const MANY = 1_000;

interface Question {
  text: string;
  yes: string;
  kind: string;
  careful: boolean;
  then: () => void;
  back: HTMLElement | null;
}

export class Messages implements Part {
  readonly element = h("div", { class: "xpm-note", hidden: true });
  /** Read aloud: results of commands and new failures */
  readonly spoken = h("div", { class: "xpm-vh", role: "status" });
  #view: View;
  #question: Question | null = null;
  #notice = "";
  #noticeTimer: ReturnType<typeof setTimeout> | undefined;
  #shown = "";
  #spokenAt = 0;

  constructor(view: View) {
    this.#view = view;
  }

  /** Says something to those who do not see; at most one thing in ten seconds, except on `urgent`. */
  say(text: string, urgent = true): void {
    if (!urgent && Date.now() - this.#spokenAt < QUIET) return;
    this.#spokenAt = Date.now();
    this.spoken.textContent = text;
  }

  /** Asks before something is done; `careful`: the focus is on Cancel. */
  confirm(text: string, yes: string, kind: string, careful: boolean, then: () => void): void {
    const active = (this.#view.root.getRootNode() as Document | ShadowRoot).activeElement;
    this.#question = { text, yes, kind, careful, then, back: active instanceof HTMLElement ? active : null };
    this.paint();
  }

  /** Asks before jobs are killed or run again. */
  ask(action: Action, rows: Row[]): void {
    const first = rows[0];
    if (first === undefined || !this.#view.canCommand()) return;
    const one = `${first.name} ${tagText(first)}`;
    const text = rows.length > 1 ? `${action} ${plural(rows.length, "job")}?`
      : action === "Kill" ? `Kill ${one}? Its dependents are skipped.`
      : `Run ${one} again, and the jobs that were skipped because of it?`;
    const yes = rows.length > 1 ? `${action} ${plural(rows.length, "job")}` : `${action} job`;
    this.confirm(text, yes, action === "Kill" ? "" : "go", rows.length > 1, () => {
      for (const row of rows) row.pending = action === "Kill" ? "killing" : "retrying";
      this.#view.refilter();
      const { epoch } = this.#view.store;
      const which = rows.length > MANY ? { epoch, rows: ranges(rows.map((row) => row.n)) } : { jobs: rows.map((row) => row.key) };
      void this.send(action === "Kill" ? "kill" : "retry", which).then((ok) => {
        if (!ok) for (const row of rows) row.pending = "";
        else setTimeout(() => { for (const row of rows) row.pending = ""; this.#view.refilter(); }, SHOWN);
        this.#view.refilter();
      });
    });
  }

  /** Gives a command, and tells how it went; whether it was taken. */
  async send(command: Command, fields: Record<string, unknown>): Promise<boolean> {
    const late = setTimeout(
      () => this.#tell("The kernel is busy; the command is sent as soon as it answers.", 0), PATIENCE);
    const reply = await this.#view.connection.command(command, fields);
    clearTimeout(late);
    const data = reply.data as { jobs: number; left_out: number } | null | undefined;
    if (!reply.ok) this.#tell(reply.error ?? "The command was refused.", SHOWN);
    else if (data && data.left_out > 0) this.#tell(`${plural(data.left_out, "job")} had ended meanwhile.`, SHOWN);
    else this.#tell("", 0);
    this.say(reply.ok ? `${command}: sent` : reply.error ?? "");
    return reply.ok;
  }

  /** Escape: whether there was a question to cancel. */
  cancel(): boolean {
    if (this.#question === null) return false;
    this.#answer(false);
    return true;
  }

  paint(): void {
    const parts = this.#content();
    const shown = parts === null ? "" : parts.map((part) => part instanceof Node ? part.textContent : "").join("|") + String(this.#question?.careful);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.hidden = parts === null;
    this.element.replaceChildren(...(parts ?? []));
    this.#view.root.style.setProperty("--xpm-note", `${this.element.offsetHeight}px`);
    for (const name of ["role", "aria-label", "aria-live"]) this.element.removeAttribute(name);
    if (this.#question !== null) {
      this.element.setAttribute("role", "alertdialog");
      this.element.setAttribute("aria-label", this.#question.text);
      const buttons = this.element.querySelectorAll("button");
      buttons[this.#question.careful ? 1 : 0]?.focus();
    } else if (parts !== null) {
      this.element.setAttribute("role", "region");
      this.element.setAttribute("aria-label", "Message");
    }
  }

  tick(): void {
    if (this.#view.connection.health === "disconnected") this.paint();
  }

  #tell(text: string, ms: number): void {
    clearTimeout(this.#noticeTimer);
    this.#notice = text;
    if (text && ms) this.#noticeTimer = setTimeout(() => this.#tell("", 0), ms);
    this.paint();
  }

  #answer(yes: boolean): void {
    const question = this.#question;
    if (question === null) return;
    this.#question = null;
    this.paint();
    if (yes) question.then();
    if (question.back?.isConnected) question.back.focus();
    else this.#view.root.querySelector<HTMLElement>('.xpm-rows [tabindex="0"]')?.focus();
  }

  #content(): HTMLElement[] | null {
    const { connection, store, ui } = this.#view;
    if (this.#question !== null) return this.#asking(this.#question);
    if (this.#notice) return [h("p", {}, this.#notice)];
    if (connection.health === "gone") {
      return [this.#mark("disconnected"), h("p", {}, "The kernel was restarted. Run this cell again to attach to the run. Jobs go on.")];
    }
    if (connection.health === "old") {
      return [this.#mark("disconnected"), h("p", {}, "This view is of another version of experimaestro than the kernel. Reload the page, then run this cell again.")];
    }
    if (connection.health === "disconnected") return this.#disconnected();
    if (ui.picked.size > 0) return this.#selection();
    const run = store.run;
    if (run?.status === "held") {
      return [this.#mark("held"), h("p", {}, `Another process has this experiment: ${run.holder ?? ""}. This run begins when that one ends.`)];
    }
    if (run?.note) return [this.#mark("warning"), h("p", {}, run.note)];
    if (run?.trouble) return [this.#mark("error"), h("p", {}, `${run.trouble}: trying again`)];
    const paused = Object.entries(run?.paused ?? {})[0];
    if (paused !== undefined) {
      const [task, why] = paused;
      return [this.#mark("warning"), h("p", {}, `${shortName(task)} is paused, since its jobs failed at once: ${why}`),
        button("Continue", "", () => void this.send("continue", { task }), { disabled: !this.#view.canCommand() })];
    }
    return null;
  }

  #mark(state: string): HTMLElement {
    return h("span", { class: "xpm-st", "data-s": state }, icon(state));
  }

  #asking(question: Question): HTMLElement[] {
    const yes = button(question.yes, `solid ${question.kind}`, () => this.#answer(true));
    const no = button("Cancel", "", () => this.#answer(false));
    const keys = (event: KeyboardEvent): void => {
      if (event.key === "Escape") this.#answer(false);
      else if (event.key === "Tab") (event.target === yes ? no : yes).focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    };
    yes.addEventListener("keydown", keys);
    no.addEventListener("keydown", keys);
    return [h("p", {}, question.text), yes, no];
  }

  #disconnected(): HTMLElement[] {
    const { connection } = this.#view;
    const silent = Math.max(0, Math.round((Date.now() - connection.heard) / 1000));
    const left = Math.ceil((connection.again - Date.now()) / 1000);
    const next = left > 0 ? `Trying again in ${left} s.` : "Trying again.";
    return [this.#mark("disconnected"),
      h("p", {}, `Disconnected from the kernel ${silent} s ago. The table shows the state of ${timeOfDay(connection.heard / 1000)}; jobs go on. ${next}`),
      button("Try now", "", () => connection.hello())];
  }

  #selection(): HTMLElement[] {
    const { store, ui } = this.#view;
    const rows = [...ui.picked].map((key) => store.find(key)).filter((row) => row !== undefined);
    const of = (action: Action): Row[] => rows.filter((row) => actionOf(row.state) === action);
    const kill = of("Kill");
    const retry = of("Retry");
    const can = this.#view.canCommand();
    const paths = (event: MouseEvent): void => {
      copy(rows.map((row) => `${store.title.workspace}/jobs/${row.key}`).join("\n"), event.currentTarget as HTMLElement);
    };
    return [h("p", {}, `${plural(rows.length, "job")} selected`),
      ...(kill.length ? [button(`Kill ${kill.length}`, "danger", () => this.ask("Kill", kill), { disabled: !can })] : []),
      ...(retry.length ? [button(`Retry ${retry.length}`, "", () => this.ask("Retry", retry), { disabled: !can })] : []),
      button("Copy paths", "", paths), button("Clear", "quiet", () => this.#view.pick([], "clear"))];
  }
}
