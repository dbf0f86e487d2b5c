// Which account and conversation are open. The account stands in the address, so that a link or a
// reload finds it; the conversation, whose id holds a phone number, only in the history's state.

import { emit } from "./bus.js";

const IN_HASH = /^#\/account\/([A-Za-z0-9_-]{1,128})$/;

export const route = { accountId: null, threadId: null };

/** Open an account, or a conversation of it; `replace` leaves no step to go back to. */
export function go({ accountId = null, threadId = null }, { replace = false } = {}) {
  if (accountId === route.accountId && threadId === route.threadId) return;
  const where = accountId === null ? location.pathname : `#/account/${accountId}`;
  history[replace ? "replaceState" : "pushState"]({ accountId, threadId }, "", where);
  take(accountId, threadId);
}

export function startRoute() {
  addEventListener("popstate", () => take(...here()));
  take(...here());
}

function here() {
  const accountId = IN_HASH.exec(location.hash)?.[1] ?? null;
  const kept = history.state;
  return [accountId, kept?.accountId === accountId ? kept?.threadId ?? null : null];
}

function take(accountId, threadId) {
  Object.assign(route, { accountId, threadId });
  emit("route");
}
