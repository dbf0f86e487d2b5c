// Messages from the box to the API: shown at once, tried again where that is safe, never doubled.

import * as api from "./api.js";
import { nowMs } from "./clock.js";
import { newId } from "./ids.js";
import * as model from "./model.js";
import { readOpen } from "./sync.js";

const PAUSES_MS = [1_000, 3_000]; // between tries by ourselves; after that a person decides

/** Send a text into a conversation that stands in the list. */
export function sendText(thread, text) {
  const message = {
    clientMessageId: newId(),
    accountId: thread.accountId,
    threadId: thread.id,
    to: thread.clientJid,
    body: text,
    atMs: nowMs(),
    error: "",
  };
  model.addPending(message);
  void deliver(message);
}

/** Try again what did not get through; the id is the same, so it is sent once at most. */
export function sendAgain(message) {
  model.changePending(message, { error: "" });
  void deliver(message);
}

export function giveUp(message) {
  model.dropPending(message);
}

async function deliver(message) {
  const { accountId, threadId, to, body, clientMessageId } = message;
  for (const pauseMs of [...PAUSES_MS, null]) {
    try {
      await api.sendMessage({ accountId, threadId, to, message: body, clientMessageId });
      readOpen(); // where no event tells of it, the list does
      return;
    } catch (error) {
      if (error.status === 422) {
        readOpen(); // stored with its failure: the stored message says it
        return;
      }
      if (pauseMs === null || !error.mayBeTriedAgain) {
        model.changePending(message, { error: error.message });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** Send the first message to a number; returns the id of its conversation, throws ApiError. */
export async function sendFirst(accountId, to, text, clientMessageId) {
  try {
    const answer = await api.sendMessage({ accountId, to, message: text, clientMessageId });
    return answer.threadId;
  } catch (error) {
    if (error.status === 422 && error.body.threadId) return error.body.threadId;
    throw error;
  }
}
