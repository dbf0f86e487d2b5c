// What the reader has seen, for this tab: which conversations have something new, and how much.
// The first list of an account is the ground: what stands in it counts as seen.

import { emit } from "./bus.js";

const KEY = "wakeeper.seen";
const CAP = 5_000; // conversations; the oldest notes go first

const seen = new Map(); // thread id → time of the latest message seen
const fresh = new Map(); // thread id → {accountId, count, latestMs}
const grounded = new Set(); // account ids

/** Take a loaded list of conversations; `openId` is the one on the screen. */
export function noteThreads(accountId, threads, openId) {
  const isFirst = !grounded.has(accountId);
  grounded.add(accountId);
  for (const thread of threads) {
    const atMs = thread.lastMessageAtMs ?? 0;
    const isGround = isFirst && !seen.has(thread.id) && !fresh.has(thread.id);
    if (isGround || thread.id === openId) noteSeen(thread.id, atMs);
    else if (isNews(thread, atMs) && !fresh.has(thread.id)) noteFresh(accountId, thread.id, atMs);
  }
}

function isNews(thread, atMs) {
  return thread.lastMessageDirection === "inbound" && atMs > (seen.get(thread.id) ?? 0);
}

/** Take a message that came or changed; `isWatched` tells whether it is on the screen. */
export function noteMessage(message, { created, isWatched }) {
  const { accountId, threadId, tsClientMs: atMs } = message;
  const isOurs = message.direction === "outbound";
  // Whoever answers, here or on the phone, has read what was before.
  if (isWatched || isOurs || message.status === "read") noteSeen(threadId, atMs);
  else if (created && atMs > (seen.get(threadId) ?? 0)) noteFresh(accountId, threadId, atMs);
}

function noteFresh(accountId, threadId, atMs) {
  const { count = 0, latestMs = 0 } = fresh.get(threadId) ?? {};
  fresh.set(threadId, { accountId, count: count + 1, latestMs: Math.max(latestMs, atMs) });
  emit("accounts");
}

/** A conversation was read, here or on a phone, up to a time. */
export function noteSeen(threadId, atMs) {
  seen.set(threadId, Math.max(atMs, seen.get(threadId) ?? 0));
  if (fresh.get(threadId)?.latestMs <= atMs) {
    fresh.delete(threadId);
    emit("accounts");
  }
  keep();
}

export const newIn = (threadId) => fresh.get(threadId)?.count ?? 0;

export function newOf(accountId) {
  let count = 0;
  for (const note of fresh.values()) if (accountId === null || note.accountId === accountId) count += note.count;
  return count;
}

/** Read the notes of before a reload. */
export function recallSeen() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
    for (const [threadId, atMs] of kept.seen ?? []) seen.set(threadId, atMs);
    for (const accountId of kept.grounded ?? []) grounded.add(accountId);
  } catch {
    sessionStorage.removeItem(KEY); // not ours, or cut off: begin anew
  }
}

function keep() {
  for (const oldest of seen.keys()) {
    if (seen.size <= CAP) break;
    seen.delete(oldest);
  }
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ seen: [...seen], grounded: [...grounded] }));
  } catch {
    // Full or forbidden storage costs the marks after a reload, nothing else.
  }
}
