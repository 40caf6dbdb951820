/** What a notebook, or the page, loads: the contract of anywidget. */

import type { Model } from "./messages.ts";
import { Widget } from "./widget.ts";

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const widget = new Widget(model, el);
  return () => widget.dispose();
}

export default { render };
