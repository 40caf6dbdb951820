/**
 * A notebook that refreshes what it would save makes each view again in its place, and forgets the
 * old one without a word. A view that begins while an earlier one of the same run is not on the page
 * takes over what the reader opened, searched and marked there.
 */

import type { Ui } from "./ui.ts";

/** How long after its successor a view may go, in milliseconds */
const GAP = 50;

/** A view whose choices can be taken over. */
export interface Heir {
  readonly ui: Ui;
  readonly root: { readonly isConnected: boolean };
  adopt(ui: Ui): void;
}

export class Succession {
  #views: Heir[] = [];

  begin(heir: Heir): void {
    const earlier = [...this.#views];
    this.#views.push(heir);
    setTimeout(() => {
      const gone = earlier.filter((one) => !one.root.isConnected);
      const last = gone.at(-1);
      if (last !== undefined) heir.adopt(structuredClone(last.ui));
      this.#views = this.#views.filter((one) => !gone.includes(one));
    }, GAP);
  }

  end(heir: Heir): void {
    this.#views = this.#views.filter((one) => one !== heir);
  }
}
