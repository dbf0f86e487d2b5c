// The mark that says whether the page is told of changes, asks for them, or hears nothing.

import { on } from "./bus.js";
import { byId } from "./dom.js";
import { model } from "./model.js";

const SAID = {
  connecting: ["Connecting", "Asking for live updates."],
  live: ["Live", "Changes are shown as they happen."],
  polling: ["Every 5 s", "Live updates are interrupted; the page asks every 5 seconds."],
  offline: ["Offline", "Wakeeper can't be reached. What you see may be out of date."],
};

export function showLive() {
  const mark = byId("live");
  const show = () => {
    [mark.textContent, mark.title] = SAID[model.live];
    mark.dataset.live = model.live;
  };
  on("live", show);
  show();
}
