// What the page knows. Only this file changes it; every change is told on the bus.

import { emit } from "./bus.js";
import { asksForPhone } from "./statuses.js";

const THREADS_SHOWN = 200;
const MESSAGES_SHOWN = 60;

export const model = {
  /** @type {Map<string, Object>} by id, in the API's order; `withPast` adds to it */
  accounts: new Map(),
  loaded: false,
  mode: "",
  live: "connecting", // connecting | live | polling | offline
  qr: new Map(), // account id → {svg, expiresAtMs, lifeMs}
  threads: new Map(), // account id → {items, limit, isAll}
  messages: new Map(), // thread id → {items, limit, isAll}
  pending: new Map(), // thread id → messages on their way to the API
};

export function setLive(live) {
  if (model.live === live) return;
  model.live = live;
  emit("live");
}

export function setAccounts(answer) {
  const before = model.accounts;
  model.accounts = new Map(answer.accounts.map((account) => [account.id, withPast(before.get(account.id), account)]));
  model.mode = answer.waMode ?? "";
  model.loaded = true;
  emit("accounts");
}

/** Take an account's state from an event; tell whether the account is one we know. */
export function setAccountState({ accountId, ...state }) {
  const account = model.accounts.get(accountId);
  if (account === undefined) return false;
  model.accounts.set(accountId, withPast(account, { ...account, ...state }));
  emit("accounts");
  return true;
}

/**
 * Add what one state alone does not tell.
 * `isLinking`: what it needs next is its phone; between two sets of codes it connects anew, and
 * that is no reason to show something else.
 * `isScanned`: the link is being finished.
 * `notice`: why the last scan was refused; the next code comes within a second, when whoever
 * scanned with the wrong phone still looks at the phone.
 */
function withPast(before, account) {
  const { status, reason, jid } = account;
  const isUnderWay = status === "connecting" || status === "reconnecting";
  const isShowing = status === "qr_ready" || status === "awaiting_scan";
  return {
    ...account,
    isLinking: asksForPhone(account) || (isUnderWay && (before?.isLinking ?? !jid)),
    isScanned: status === "pairing" || (isUnderWay && (before?.isScanned ?? false)),
    notice: isShowing && reason ? reason : isShowing || isUnderWay ? before?.notice ?? null : null,
  };
}

export function setQr(accountId, qr) {
  if (qr === null) model.qr.delete(accountId);
  else model.qr.set(accountId, qr);
  emit("qr", accountId);
}

export const threadList = (accountId) =>
  model.threads.get(accountId) ?? { items: [], limit: THREADS_SHOWN, isAll: false, isLoaded: false };

export const messageList = (threadId) =>
  model.messages.get(threadId) ?? { items: [], limit: MESSAGES_SHOWN, isAll: false, isLoaded: false };

export function setThreads(accountId, answer) {
  const isAll = answer.count < answer.limit || answer.limit >= answer.maxLimit;
  model.threads.set(accountId, { items: answer.threads, limit: answer.limit, isAll, isLoaded: true });
  emit("threads", accountId);
}

export function setMessages(threadId, answer) {
  const isAll = answer.count < answer.limit || answer.limit >= answer.maxLimit;
  model.messages.set(threadId, { items: sorted(answer.messages), limit: answer.limit, isAll, isLoaded: true });
  answer.messages.forEach(settlePending);
  emit("messages", threadId);
}

/** Take a message from an event into its conversation, if that one is loaded. */
export function putMessage(message) {
  settlePending(message);
  const list = model.messages.get(message.threadId);
  if (list !== undefined) {
    const others = list.items.filter((item) => item.id !== message.id || item.threadId !== message.threadId);
    list.items = sorted([...others, message]);
  }
  emit("messages", message.threadId);
}

const sorted = (messages) =>
  [...messages].sort((a, b) => a.tsClientMs - b.tsClientMs || (a.id < b.id ? -1 : 1));

// ------------------------------------------------------------ messages on their way to the API

export const pendingOf = (threadId) => model.pending.get(threadId) ?? [];

export function addPending(message) {
  model.pending.set(message.threadId, [...pendingOf(message.threadId), message]);
  emit("messages", message.threadId);
}

export function changePending(message, changes) {
  Object.assign(message, changes);
  emit("messages", message.threadId);
}

export function dropPending(message) {
  const left = pendingOf(message.threadId).filter((item) => item !== message);
  model.pending.set(message.threadId, left);
  emit("messages", message.threadId);
}

/** A stored message takes the place of the one we were showing for it. */
function settlePending(stored) {
  if (!stored.clientMessageId) return;
  const mine = pendingOf(stored.threadId).find((item) => item.clientMessageId === stored.clientMessageId);
  if (mine !== undefined) dropPending(mine);
}
