// Begins the page: sign in, then show.

import { showAccount } from "./account.js";
import { showAccounts } from "./accounts.js";
import { emit, on } from "./bus.js";
import { startDialogs } from "./dialogs.js";
import { byId } from "./dom.js";
import { showLive } from "./live.js";
import { model } from "./model.js";
import { go, route, startRoute } from "./route.js";
import { newOf, recallSeen } from "./seen.js";
import { currentToken, forgetToken, keepToken, takeTokenFromLink } from "./session.js";
import { askForToken, endSignIn, startSignIn } from "./sign-in.js";
import { startSync, stopSync } from "./sync.js";

const TICK_MS = 1_000;
const SAID = "wakeeper.said"; // to the page that follows
const WIDE = matchMedia("(min-width: 900px)");

async function enter(token) {
  keepToken(token);
  try {
    await startSync();
  } catch (error) {
    if (error.isUnauthorized) forgetToken();
    askForToken(error.isUnauthorized ? "This is not the admin token." : error.message, token);
    return;
  }
  endSignIn();
  byId("app").hidden = false;
  openFirst();
}

/** On a wide screen an account is always open; on a phone the list comes first. */
function openFirst() {
  if (route.accountId !== null && model.accounts.has(route.accountId)) return;
  const first = model.accounts.keys().next().value ?? null;
  go({ accountId: WIDE.matches ? first : null }, { replace: true });
}

/** Begin with a new page, because this one's memory holds conversations. */
function leave(said) {
  stopSync();
  forgetToken();
  byId("app").hidden = true;
  if (said) sessionStorage.setItem(SAID, said);
  location.replace(location.pathname);
}

function takeSaid() {
  const said = sessionStorage.getItem(SAID) ?? "";
  sessionStorage.removeItem(SAID);
  return said;
}

function showPane() {
  const pane = route.accountId === null ? "accounts" : route.threadId === null ? "account" : "thread";
  byId("app").dataset.pane = pane;
}

function showTitle() {
  const count = newOf(null);
  document.title = count > 0 ? `(${count}) Wakeeper` : "Wakeeper";
}

function begin() {
  const fromLink = takeTokenFromLink();
  addEventListener("hashchange", () => {
    const token = takeTokenFromLink();
    if (token !== null) {
      keepToken(token);
      location.reload();
    }
  });
  recallSeen();
  startSignIn(enter);
  startDialogs();
  on("route", showPane); // before the views: what they measure must be on the screen
  showLive();
  showAccounts();
  showAccount();
  on("accounts threads route", showTitle);
  on("signed-out", () => leave("The admin token is no longer accepted. Paste the new one."));
  byId("sign-out").addEventListener("click", () => leave(""));
  startRoute();
  setInterval(() => emit("tick"), TICK_MS);
  const token = fromLink ?? currentToken();
  if (token) void enter(token);
  else askForToken(takeSaid());
}

begin();
