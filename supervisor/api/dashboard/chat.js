// An account's conversations beside the messages of the open one.

import { on } from "./bus.js";
import { composer, showComposer } from "./composer.js";
import { el, icon, setText } from "./dom.js";
import { phone } from "./format.js";
import { messageLog, messageParts, showMessages } from "./messages.js";
import { model, threadList } from "./model.js";
import { go, route } from "./route.js";
import { openThreadPart, showThreads } from "./threads.js";

const parts = {
  back: el("button", { class: "icon-button back", type: "button", "aria-label": "Back to the conversations" }, icon("back")),
  name: el("h2"),
  about: el("span", { class: "muted" }),
};

const head = el("header", { class: "thread-head" }, parts.back, el("div", {}, parts.name, parts.about));
const none = el("div", { class: "empty" }, icon("chat"),
  el("h2", { text: "No conversation is open" }), el("p", { text: "Choose one, or start a new one." }));
const thread = el("section", { class: "thread", "aria-label": "Messages" }, head, messageParts, composer);
const side = el("section", { class: "thread-side" }, none, thread);

export const chatParts = el("div", { class: "chat" }, openThreadPart, side);

parts.back.addEventListener("click", () => go({ accountId: route.accountId }));
on("messages", (threadId) => {
  if (threadId === route.threadId && !chatParts.hidden) showMessages(openThread());
});

/** Show an account's conversations, and the open one of them. */
export function showChat(account) {
  showThreads(account);
  const open = openThread();
  none.hidden = open !== null;
  thread.hidden = open === null;
  messageLog.dataset.thread = open?.id ?? "";
  if (open === null) return;
  setText(parts.name, nameOf(open));
  setText(parts.about, aboutOf(open));
  showMessages(open);
  showComposer(open, account);
}

/** Return the open conversation; one that was just begun stands in no list yet. */
function openThread() {
  const { accountId, threadId } = route;
  if (threadId === null || !model.accounts.has(accountId)) return null;
  const known = threadList(accountId).items.find((item) => item.id === threadId);
  const chat = threadId.slice(threadId.indexOf("__") + 2);
  return known ?? { id: threadId, accountId, clientJid: chat, displayName: chat.split("@")[0] };
}

export function nameOf(item) {
  return item.displayName === item.phone ? phone(item.phone) : item.displayName;
}

function aboutOf(item) {
  if (item.clientJid.endsWith("@g.us")) return "Group";
  if (!item.phone) return "WhatsApp does not tell this contact’s number";
  return item.displayName === item.phone ? "" : phone(item.phone);
}
