// The conversations of an account, latest first.

import { nowMs } from "./clock.js";
import { openNewDialog } from "./dialogs.js";
import { el, icon, reconcile, setAttribute, setText, walkWithArrows } from "./dom.js";
import { listTime, phone, plural } from "./format.js";
import { threadList } from "./model.js";
import { go, route } from "./route.js";
import { newIn } from "./seen.js";
import { readMoreThreads } from "./sync.js";

const parts = {
  search: el("input", { type: "search", placeholder: "Search", "aria-label": "Search the conversations" }),
  start: el("button", { class: "icon-button", type: "button", "aria-label": "New conversation", title: "New conversation" }, icon("new-chat")),
  list: el("ul", { class: "threads" }),
  none: el("p", { class: "list-note" }),
  more: el("button", { class: "button small more", type: "button", text: "Show older ones" }),
};

export const openThreadPart = build();

let account = null;

function build() {
  walkWithArrows(parts.list);
  parts.search.addEventListener("input", () => showThreads(account));
  parts.start.addEventListener("click", () => openNewDialog(account));
  parts.more.addEventListener("click", () => readMoreThreads(account.id));
  return el("section", { class: "thread-list", "aria-label": "Conversations" },
    el("div", { class: "thread-tools" },
      el("label", { class: "search" }, icon("search"), parts.search), parts.start),
    el("div", { class: "scroll" }, parts.list, parts.none, parts.more));
}

export function showThreads(shown) {
  if (account?.id !== shown.id) parts.search.value = "";
  account = shown;
  const { items, isAll, isLoaded } = threadList(account.id);
  const found = items.filter(matches(parts.search.value));
  reconcile(parts.list, found, { key: (thread) => thread.id, make: makeItem, update: updateItem });
  parts.none.hidden = found.length > 0;
  setText(parts.none, nothingSays(items, isLoaded));
  parts.more.hidden = !isLoaded || isAll;
}

function nothingSays(items, isLoaded) {
  if (!isLoaded) return "Reading the conversations…";
  return items.length > 0 ? "No conversation matches." : "No conversations yet.";
}

function matches(typed) {
  const wanted = typed.trim().toLowerCase();
  const digits = wanted.replace(/[\s+().-]/g, "");
  return (thread) => {
    if (wanted === "" || thread.displayName.toLowerCase().includes(wanted)) return true;
    return /^\d+$/.test(digits) && thread.clientJid.includes(digits);
  };
}

function makeItem(thread) {
  const parts = {
    name: el("span", { class: "thread-name" }),
    time: el("time", { class: "thread-time" }),
    preview: el("span", { class: "thread-preview" }),
    news: el("span", { class: "badge" }),
  };
  const open = () => go({ accountId: thread.accountId, threadId: thread.id });
  const isGroup = thread.clientJid.endsWith("@g.us");
  const button = el("button", { class: "thread-item", type: "button", on: { click: open } },
    el("span", { class: "avatar" }, icon(isGroup ? "group" : "person")),
    el("span", { class: "thread-lines" },
      el("span", { class: "line" }, parts.name, parts.time),
      el("span", { class: "line" }, parts.preview, parts.news)));
  const item = el("li", {}, button);
  item.parts = { ...parts, button };
  return item;
}

function updateItem(item, thread) {
  const { parts: own } = item;
  setText(own.name, thread.displayName === thread.phone ? phone(thread.phone) : thread.displayName);
  setText(own.time, thread.lastMessageAtMs ? listTime(thread.lastMessageAtMs, nowMs()) : "");
  setText(own.preview, previewOf(thread));
  const count = thread.id === route.threadId && !document.hidden ? 0 : newIn(thread.id);
  setText(own.news, count === 0 ? "" : String(count));
  setAttribute(own.news, "title", count === 0 ? null : plural(count, "new message"));
  own.button.classList.toggle("fresh", count > 0);
  setAttribute(own.button, "aria-current", thread.id === route.threadId ? "true" : null);
}

function previewOf(thread) {
  if (!thread.lastMessageAtMs) return "";
  const text = thread.lastMessageText || "Not a text";
  if (thread.lastMessageDirection === "outbound") return `You: ${text}`;
  const isGroup = thread.clientJid.endsWith("@g.us");
  return isGroup && thread.lastMessageSenderName ? `${thread.lastMessageSenderName}: ${text}` : text;
}
