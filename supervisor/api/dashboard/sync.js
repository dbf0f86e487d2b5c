// Keeps the model true: reads lists, takes events in, and polls while there are none.

import * as api from "./api.js";
import { ApiError } from "./api.js";
import { emit, on } from "./bus.js";
import { nowMs } from "./clock.js";
import * as model from "./model.js";
import { go, route } from "./route.js";
import { noteMessage, noteSeen, noteThreads } from "./seen.js";
import { isShowingCodes } from "./statuses.js";
import { Stream } from "./stream.js";

const POLL_MS = 5_000;
const GATHER_MS = 150; // several events in a moment lead to one reading
const READ_AT_ONCE = 100; // messages; what the API takes

let stream = null;
let poller = 0;

/** Begin: the lists first, then live. Throws ApiError when the first list can't be read. */
export async function startSync() {
  await readAccounts();
  stream = new Stream({ onEvent: hear, onUp: onUp, onDown: onDown, onRefused: signedOut });
  void stream.run();
  readOpen();
  addEventListener("online", hurry);
  addEventListener("offline", () => stream.renew()); // or it would be noticed only after a silence
  document.addEventListener("visibilitychange", onLook);
  on("route", readOpen);
}

export function stopSync() {
  stream?.stop();
  clearInterval(poller);
}

/** Tell whether a conversation is on the screen of somebody who looks. */
export const isWatched = (threadId) => route.threadId === threadId && !document.hidden;

function hurry() {
  if (model.model.live !== "live") stream?.hurry();
}

function onLook() {
  if (document.hidden) return;
  hurry();
  const items = model.messageList(route.threadId).items;
  if (items.length > 0) noteSeen(route.threadId, items.at(-1).tsClientMs);
  tellRead();
}

// ---------------------------------------------------------------------------------- live or not

function onUp() {
  clearInterval(poller);
  poller = 0;
  model.setLive("live");
  readAll();
}

function onDown() {
  if (poller !== 0) return;
  model.setLive(navigator.onLine ? "polling" : "offline");
  poller = setInterval(readAll, POLL_MS);
  readAll();
}

function signedOut(error) {
  stopSync();
  emit("signed-out", error);
}

// -------------------------------------------------------------------------------------- reading

const readers = new Map(); // name → {timer, isBusy, isWanted}

/** Read soon, once, however often it is asked for; never two of a name at a time. */
function soon(name, read) {
  const state = readers.get(name) ?? { timer: 0, isBusy: false, isWanted: false };
  readers.set(name, state);
  if (state.isBusy) state.isWanted = true;
  else if (state.timer === 0) state.timer = setTimeout(() => perform(name, state, read), GATHER_MS);
}

async function perform(name, state, read) {
  Object.assign(state, { timer: 0, isBusy: true, isWanted: false });
  try {
    await read();
  } catch (error) {
    failed(error);
  } finally {
    state.isBusy = false;
    if (state.isWanted) soon(name, read);
  }
}

function failed(error) {
  if (!(error instanceof ApiError)) throw error;
  if (error.isUnauthorized) signedOut(error);
  else if (error.isUnreachable && model.model.live === "polling") model.setLive("offline");
}

function readAll() {
  soon("accounts", async () => {
    await readAccounts();
    if (model.model.live === "offline") model.setLive("polling");
  });
  readOpen();
}

async function readAccounts() {
  model.setAccounts(await api.listAccounts());
}

/** Read what the open account shows. */
export function readOpen() {
  const { accountId, threadId } = route;
  if (accountId === null) return;
  soon(`threads ${accountId}`, () => readThreads(accountId));
  if (threadId !== null) soon(`messages ${threadId}`, () => readMessages(accountId, threadId));
  soon(`qr ${accountId}`, () => readQr(accountId));
}

export function rereadAccounts() {
  soon("accounts", readAccounts);
}

async function readThreads(accountId) {
  const answer = await api.listThreads(accountId, model.threadList(accountId).limit);
  noteThreads(accountId, answer.threads, document.hidden ? null : route.threadId);
  model.setThreads(accountId, answer);
}

async function readMessages(accountId, threadId) {
  const answer = await api.listMessages(accountId, threadId, model.messageList(threadId).limit);
  model.setMessages(threadId, answer);
  const latest = answer.messages[0];
  if (latest !== undefined && isWatched(threadId)) noteSeen(threadId, latest.tsClientMs);
  tellRead();
}

/** Tell those who wrote that the open conversation is read; only while somebody looks at it. */
function tellRead() {
  const { accountId, threadId } = route;
  if (threadId === null || unread(threadId).length === 0) return;
  const canTell = () => isWatched(threadId) && model.model.accounts.get(accountId)?.status === "connected";
  if (!canTell()) return; // there is another occasion: a look, a connection
  soon(`read ${threadId}`, async () => {
    const ids = unread(threadId).slice(-READ_AT_ONCE);
    if (canTell() && ids.length > 0) await api.markRead(accountId, threadId, ids);
  });
}

function unread(threadId) {
  const isNew = ({ direction, status, undecryptable }) =>
    direction === "inbound" && status !== "read" && !undecryptable;
  return model.messageList(threadId).items.filter(isNew).map(({ waMessageId }) => waMessageId);
}

/** Read more of a list that was cut at its limit. */
export function readMoreMessages(accountId, threadId) {
  const list = model.messageList(threadId);
  list.limit = Math.min(list.limit * 4, 1000);
  soon(`messages ${threadId}`, () => readMessages(accountId, threadId));
}

export function readMoreThreads(accountId) {
  model.threadList(accountId).limit = 1000;
  soon(`threads ${accountId}`, () => readThreads(accountId));
}

async function readQr(accountId) {
  const account = model.model.accounts.get(accountId);
  if (account === undefined || !isShowingCodes(account)) {
    model.setQr(accountId, null);
    return;
  }
  const state = await api.qrState(accountId);
  model.setQr(accountId, state.qr === null ? null : await pictured(accountId, state));
}

async function pictured(accountId, state) {
  const before = model.model.qr.get(accountId);
  if (before?.payload === state.qr) return before;
  try {
    const svg = await api.qrSvg(accountId);
    const lifeMs = state.expiresAtMs === null ? null : Math.max(1_000, state.expiresAtMs - nowMs());
    return { payload: state.qr, svg, expiresAtMs: state.expiresAtMs, lifeMs };
  } catch (error) {
    if (error.status === 404) return null; // taken back between the two calls
    throw error;
  }
}

// --------------------------------------------------------------------------------------- events

const HEARD = {
  account: hearAccount,
  qr: ({ accountId }) => hearQr(accountId),
  message: hearMessage,
  thread: hearThread,
};

function hear(name, data) {
  HEARD[name]?.(data);
}

function hearAccount(state) {
  const before = model.model.accounts.get(state.accountId)?.status;
  const isKnown = model.setAccountState(state);
  // Its number, JID and name are not in the event, and may have become known with the change.
  if (!isKnown || before !== state.status) rereadAccounts();
  if (before !== state.status) hearQr(state.accountId);
  tellRead();
}

function hearQr(accountId) {
  if (accountId === route.accountId) soon(`qr ${accountId}`, () => readQr(accountId));
}

function hearMessage({ message, created }) {
  noteMessage(message, { created, isWatched: isWatched(message.threadId) });
  model.putMessage(message);
  tellRead();
  if (message.accountId === route.accountId) {
    soon(`threads ${message.accountId}`, () => readThreads(message.accountId));
  }
}

function hearThread({ thread }) {
  if (thread.accountId !== route.accountId) return;
  if (thread.redirectTo && thread.id === route.threadId) {
    go({ accountId: thread.accountId, threadId: thread.redirectTo }, { replace: true });
  }
  readOpen();
}
