// The messages of the open conversation, oldest on top, kept at the end unless somebody reads above.

import { el, icon, reconcile, setAttribute, setText } from "./dom.js";
import { makeDay, updateDay, makeMessage, updateMessage } from "./bubbles.js";
import { dayOf } from "./format.js";
import { messageList, pendingOf } from "./model.js";
import { readMoreMessages } from "./sync.js";

const AT_END_PX = 80;

const parts = {
  earlier: el("button", { class: "button small more", type: "button", text: "Show earlier messages" }),
  note: el("p", { class: "list-note" }),
  rows: el("div", { class: "rows" }),
  toEnd: el("button", { class: "to-end", type: "button", hidden: true }, icon("down"), "New messages"),
};

export const messageLog = el("div", { class: "log scroll", role: "log", "aria-label": "Messages", tabindex: "0" },
  parts.earlier, parts.note, parts.rows);
export const messageParts = el("div", { class: "log-frame" }, messageLog, parts.toEnd);

let isPinned = true; // the end is in view, and is to stay there
let heightPx = 0;
let shown = { threadId: null, thread: null, lastKey: "" };

parts.earlier.addEventListener("click", () => readMoreMessages(shown.thread.accountId, shown.thread.id));
parts.toEnd.addEventListener("click", toEnd);
messageLog.addEventListener("scroll", () => {
  if (messageLog.clientHeight !== heightPx) return; // nobody scrolled: the box below grew
  isPinned = isAtEnd();
  if (isPinned) parts.toEnd.hidden = true;
});
new ResizeObserver(() => {
  heightPx = messageLog.clientHeight;
  if (isPinned) toEnd();
}).observe(messageLog);

/** Show a conversation's messages, and follow the latest one if the end was in view. */
export function showMessages(thread) {
  const isOther = thread.id !== shown.threadId;
  const wasAtEnd = isOther || isPinned;
  const fromEnd = messageLog.scrollHeight - messageLog.scrollTop;
  const firstKey = parts.rows.firstElementChild?.dataset.key;
  const rows = rowsOf(thread);
  reconcile(parts.rows, rows, { key: (row) => row.key, make, update });
  showNotes(thread, rows);
  place({ isOther, wasAtEnd, fromEnd, isGrownAbove: firstKey !== rows[0]?.key, rows });
  const lastKey = rows.at(-1)?.key ?? "";
  shown = { threadId: thread.id, thread, lastKey };
}

function place({ isOther, wasAtEnd, fromEnd, isGrownAbove, rows }) {
  const last = rows.at(-1);
  const isNew = last !== undefined && last.key !== shown.lastKey;
  if (wasAtEnd || isNew && last.isOurs) toEnd();
  else if (isGrownAbove) messageLog.scrollTop = messageLog.scrollHeight - fromEnd;
  else if (isNew) parts.toEnd.hidden = false;
  if (isOther) parts.toEnd.hidden = true;
}

function showNotes(thread, rows) {
  const { isAll, isLoaded } = messageList(thread.id);
  parts.earlier.hidden = !isLoaded || isAll;
  parts.note.hidden = rows.length > 0;
  setAttribute(messageLog, "aria-busy", String(!isLoaded)); // a whole conversation is no news
  setText(parts.note, isLoaded ? "No messages yet." : "Reading the messages…");
}

/** Return what stands under each other: days, stored messages, then those on their way. */
function rowsOf(thread) {
  const isGroup = thread.clientJid.endsWith("@g.us");
  const stored = messageList(thread.id).items.map((message) => ({
    key: message.clientMessageId ?? `${message.threadId} ${message.id}`,
    atMs: message.tsClientMs,
    isOurs: message.direction === "outbound",
    sender: message.senderJid ?? "",
    message,
    isGroup,
  }));
  const pending = pendingOf(thread.id).map((message) => ({
    key: message.clientMessageId, atMs: message.atMs, isOurs: true, sender: "", pending: message, isGroup,
  }));
  return withDays([...stored, ...pending]);
}

function withDays(messages) {
  const rows = [];
  let before = null;
  for (const row of messages) {
    const day = dayOf(row.atMs);
    const isNewDay = before === null || dayOf(before.atMs) !== day;
    if (isNewDay) rows.push({ key: `day ${day}`, day: row.atMs });
    const isSame = !isNewDay && before.isOurs === row.isOurs && before.sender === row.sender;
    rows.push({ ...row, isFirst: !isSame });
    before = row;
  }
  return rows;
}

const make = (row) => (row.day === undefined ? makeMessage() : makeDay());
const update = (node, row) => (row.day === undefined ? updateMessage(node, row) : updateDay(node, row));

function isAtEnd() {
  return messageLog.scrollHeight - messageLog.scrollTop - messageLog.clientHeight < AT_END_PX;
}

function toEnd() {
  isPinned = true;
  messageLog.scrollTop = messageLog.scrollHeight;
  parts.toEnd.hidden = true;
}
