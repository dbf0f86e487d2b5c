// One account: its head with state and reason, then the QR code or its conversations.

import { regenerateQr } from "./api.js";
import { on } from "./bus.js";
import { chatParts, showChat } from "./chat.js";
import { secondsUntil } from "./clock.js";
import { byId, el, icon, setAttribute, setText } from "./dom.js";
import { countdown, phone, sentences } from "./format.js";
import { linkPart, showLink } from "./link.js";
import { model, threadList } from "./model.js";
import { go, route } from "./route.js";
import { isAtRest, isAway, meaningOf } from "./statuses.js";
import { rereadAccounts } from "./sync.js";

let wantsChats = false; // of an account that waits for its phone, the conversations all the same
let shownId = null;
let problem = "";

const parts = {
  back: el("button", { class: "icon-button back", type: "button", "aria-label": "Back to the accounts" }, icon("back")),
  name: el("h1"),
  phone: el("span", { class: "muted" }),
  mark: el("span", { class: "status-mark" }),
  status: el("span", { class: "status-text" }),
  switch: el("button", { class: "button small", type: "button" }),
  banner: el("div", { class: "banner", role: "status" }),
  said: el("p"),
  hint: el("p", { class: "muted" }),
  wait: el("p", { class: "countdown" }),
  restart: el("button", { class: "button small", type: "button", text: "Connect" }),
};

const nothing = el("div", { class: "empty nothing-open" },
  icon("phone"), el("h2", { text: "No account is open" }), el("p", { text: "Choose one from the list." }));

export function showAccount() {
  const pane = byId("account-pane");
  parts.head = el("header", { class: "account-head" }, parts.back,
    el("div", { class: "account-title" }, parts.name, parts.phone),
    el("span", { class: "status-chip" }, parts.mark, parts.status), parts.switch);
  parts.banner.append(el("div", { class: "banner-text" }, parts.said, parts.hint), parts.wait, parts.restart);
  parts.back.addEventListener("click", () => go({}));
  parts.switch.addEventListener("click", () => {
    wantsChats = !wantsChats;
    show();
  });
  parts.restart.addEventListener("click", () => restart(model.accounts.get(route.accountId)));
  pane.append(nothing, parts.head, parts.banner, linkPart, chatParts);
  on("accounts qr threads route", show);
  on("tick", countDown);
  show();
}

/** Every second, show what counts seconds; the conversations are left alone. */
function countDown() {
  const account = model.accounts.get(route.accountId);
  if (account === undefined) return;
  if (!linkPart.hidden) showLink(account, { restart: () => restart(account), problem });
  else if (!parts.banner.hidden) showBanner(account);
}

function show() {
  const account = model.accounts.get(route.accountId);
  const isOpen = account !== undefined;
  if (route.accountId !== shownId) forget();
  nothing.hidden = isOpen || model.accounts.size === 0;
  parts.head.hidden = !isOpen;
  const linking = isOpen && account.isLinking && !wantsChats;
  linkPart.hidden = !linking;
  chatParts.hidden = !isOpen || linking;
  parts.banner.hidden = true;
  if (!isOpen) return;
  showHead(account);
  if (linking) showLink(account, { restart: () => restart(account), problem });
  else {
    showBanner(account);
    showChat(account);
  }
}

function forget() {
  shownId = route.accountId;
  wantsChats = false;
  problem = "";
}

function showHead(account) {
  const { label, tone, icon: name } = meaningOf(account.status);
  setText(parts.name, account.name);
  setText(parts.phone, phone(account.phone) || "Any phone may scan");
  parts.phone.hidden = account.name === account.phone;
  setText(parts.status, label);
  parts.head.dataset.tone = tone;
  if (parts.mark.dataset.icon !== name) {
    parts.mark.replaceChildren(icon(name));
    parts.mark.dataset.icon = name;
  }
  const hasChats = threadList(account.id).items.length > 0;
  parts.switch.hidden = !account.isLinking || !hasChats;
  setText(parts.switch, wantsChats ? "Link the phone" : "Conversations");
}

function showBanner(account) {
  const { tone } = meaningOf(account.status);
  parts.banner.hidden = tone === "ok";
  parts.banner.dataset.tone = tone;
  const [said, hint] = sentences(problem || account.reason);
  const waits = "Messages you write now go out when it is connected.";
  setText(parts.said, said || `${meaningOf(account.status).label}.`);
  setText(parts.hint, hint || waits);
  const left = secondsUntil(isAway(account) && account.retryAt ? Date.parse(account.retryAt) : null);
  setText(parts.wait, left ? `Next try in ${countdown(left)}` : "");
  parts.restart.hidden = !isAtRest(account);
  setAttribute(parts.restart, "title", "Start the connection again");
}

/** Have an account that rests started again, with a new QR code where it needs one. */
async function restart(account) {
  problem = "";
  try {
    await regenerateQr(account.id);
    rereadAccounts();
  } catch (error) {
    problem = error.message;
  }
  show();
}
