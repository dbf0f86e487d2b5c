// Linking a phone: the QR code with its time, how to scan it, and what went wrong.

import { secondsUntil } from "./clock.js";
import { el, icon, setText } from "./dom.js";
import { countdown, phone, sentences } from "./format.js";
import { model } from "./model.js";

const SOON_S = 5;

const parts = {
  notice: el("div", { class: "notice", role: "alert" }),
  said: el("p", { class: "notice-said" }),
  hint: el("p"),
  picture: el("img", { class: "qr", alt: "QR code to scan with WhatsApp", width: "288", height: "288" }),
  blank: el("div", { class: "qr-blank" }),
  blankText: el("p"),
  bar: el("progress", { class: "qr-bar", "aria-hidden": "true" }),
  left: el("p", { class: "countdown" }),
  title: el("h2"),
  why: el("p", { class: "why" }),
  who: el("p"),
  steps: el("ol", { class: "steps" },
    step("Open WhatsApp on that phone."),
    step("Go to Settings, then ", "Linked devices", "."),
    step("Tap ", "Link a device", " and point the camera at this code.")),
  restart: el("button", { class: "button primary", type: "button", text: "Show a QR code" }),
  problem: el("p", { class: "form-error", role: "alert" }),
};

function step(before, strong = "", after = "") {
  return el("li", {}, before, strong && el("strong", { text: strong }), after);
}

export const linkPart = build();

let restartNow = () => {};

function build() {
  parts.notice.append(icon("alert"), el("div", {}, parts.said, parts.hint));
  parts.blank.append(el("span", { class: "spinner" }), parts.blankText);
  parts.restart.addEventListener("click", async () => {
    parts.restart.disabled = true;
    await restartNow();
    parts.restart.disabled = false;
  });
  return el("section", { class: "link", "aria-label": "Link the phone" },
    parts.notice,
    el("div", { class: "link-card" },
      el("div", { class: "qr-side" }, parts.picture, parts.blank, parts.bar, parts.left),
      el("div", { class: "link-text" }, icon("qr"), parts.title, parts.why, parts.who, parts.steps, parts.restart, parts.problem)));
}

/** Show what the account needs now; `restart` is called when a person asks for a code. */
export function showLink(account, { restart, problem }) {
  restartNow = restart;
  const qr = model.qr.get(account.id);
  const isOver = account.status === "needs_qr" || account.status === "logged_out";
  linkPart.dataset.state = isOver ? "over" : qr ? "code" : "wait";
  showNotice(isOver ? null : account.notice);
  showPicture(account, isOver ? undefined : qr);
  showText(account, isOver);
  setText(parts.problem, problem);
}

function showNotice(reason) {
  const [said, hint] = sentences(withoutAttempt(reason));
  parts.notice.hidden = said === "";
  setText(parts.said, said);
  setText(parts.hint, hint);
}

function showPicture(account, qr) {
  const left = qr === undefined ? null : secondsUntil(qr.expiresAtMs);
  const isShown = qr !== undefined && left !== 0;
  parts.picture.hidden = !isShown;
  parts.blank.hidden = isShown;
  parts.bar.hidden = parts.left.hidden = !isShown || left === null;
  setText(parts.blankText, waitingFor(account));
  if (!isShown) return;
  const source = `data:image/svg+xml,${encodeURIComponent(qr.svg)}`;
  if (parts.picture.src !== source) parts.picture.src = source;
  if (left === null) return;
  parts.bar.max = qr.lifeMs / 1000;
  parts.bar.value = left;
  setText(parts.left, left <= SOON_S ? "A new code comes in a moment" : `New code in ${countdown(left)}`);
}

function waitingFor(account) {
  if (account.isScanned) return "Scanned. Finishing the link…";
  const left = secondsUntil(account.retryAt ? Date.parse(account.retryAt) : null);
  if (account.status !== "reconnecting" || left === null || left < SOON_S) return "Fetching a QR code…";
  return `${sentences(withoutAttempt(account.reason))[0]} Next try in ${countdown(left)}.`;
}

/** Reasons begin with what was attempted; here that is plain to see. */
const withoutAttempt = (reason) => (reason ?? "").replace(/^(pair this account|show QR codes): /i, "");

function showText(account, isOver) {
  setText(parts.title, isOver && account.jid ? "Link the phone again" : "Link this account");
  setText(parts.why, isOver ? sentences(withoutAttempt(account.reason))[0] : "");
  setText(parts.who, isOver ? readyFor(account) : scanWith(account));
  parts.steps.hidden = isOver;
  parts.restart.hidden = !isOver;
}

function scanWith(account) {
  return account.phone ? `Scan with the phone of ${unbroken(account.phone)}.` : "Scan with any phone.";
}

function readyFor(account) {
  if (!account.phone) return "Have the phone at hand, then ask for a code.";
  return `Have the phone of ${unbroken(account.phone)} at hand, then ask for a code.`;
}

const unbroken = (number) => phone(number).replaceAll(" ", "\u00a0");
