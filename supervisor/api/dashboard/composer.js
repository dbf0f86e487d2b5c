// The box to write in: Enter sends, Shift+Enter makes a line; a draft per conversation.

import { el, icon } from "./dom.js";
import { sendText } from "./outgoing.js";

const HIGHEST_PX = 160;
const MAX_CHARS = 65_536; // the longest text that WhatsApp carries

const box = el("textarea", {
  rows: "1", placeholder: "Write a message", "aria-label": "Write a message", maxlength: MAX_CHARS, enterkeyhint: "send",
});
const button = el("button", { class: "send", type: "submit", "aria-label": "Send", title: "Send (Enter)" }, icon("send"));

export const composer = el("form", { class: "composer" }, box, button);

const drafts = new Map(); // thread id → text
let thread = null;

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
box.addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
box.addEventListener("input", fit);

/** Let the box write into a conversation. */
export function showComposer(open) {
  if (thread?.id === open.id) {
    thread = open;
    return;
  }
  if (thread !== null) drafts.set(thread.id, box.value);
  thread = open;
  box.value = drafts.get(open.id) ?? "";
  fit();
  // On a touch screen that would bring up the keyboard over the messages.
  if (!matchMedia("(pointer: coarse)").matches) box.focus({ preventScroll: true });
}

function send() {
  const text = box.value.trim();
  if (text === "" || thread === null) return;
  // Emptied in the same moment: a second click or key finds nothing to send.
  box.value = "";
  drafts.delete(thread.id);
  fit();
  sendText(thread, text);
}

function fit() {
  box.style.height = "auto";
  if (box.scrollHeight > 0) box.style.height = `${Math.min(box.scrollHeight, HIGHEST_PX)}px`;
  button.disabled = box.value.trim() === "";
}
