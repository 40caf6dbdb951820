/** What a notebook, or the page, loads: the contract of anywidget. Called once for each model. */

import type { Model } from "./messages.ts";
import { Succession } from "./succession.ts";
import { Widget } from "./widget.ts";

export default (): { render(place: { model: Model; el: HTMLElement }): () => void } => {
  const succession = new Succession();
  return {
    render({ model, el }) {
      const widget = new Widget(model, el);
      succession.begin(widget);
      return () => {
        succession.end(widget);
        widget.dispose();
      };
    },
  };
};
