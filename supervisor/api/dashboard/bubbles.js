// One message as it looks: bubble, sender, time, status; a placeholder for what is no text.

import { nowMs } from "./clock.js";
import { el, icon } from "./dom.js";
import { clockTime, dayName, exactTime, phone, sentences } from "./format.js";
import { giveUp, sendAgain } from "./outgoing.js";

const KINDS = {
  image: ["image", "Photo"],
  video: ["video", "Video"],
  audio: ["mic", "Voice message"],
  document: ["file", "Document"],
  sticker: ["sticker", "Sticker"],
  location: ["pin", "Location"],
  contact: ["person", "Contact"],
  reaction: ["heart", "Reacted"],
  poll: ["poll", "Poll"],
  revoke: ["bin", "Deleted a message"],
  edit: ["edit", "Edited a message"],
  unknown: ["chat", "A kind of message that is not shown here"],
};

const STATUSES = {
  queued: ["clock", "Waiting to be sent"],
  sent: ["check", "Sent"],
  delivered: ["checks", "Delivered"],
  read: ["checks", "Read"],
  failed: ["alert", "Not sent"],
};

const HUES = 6; // colours of senders in a group; see chat.css

export function makeDay() {
  return el("div", { class: "day" }, el("span"));
}

export function updateDay(node, row) {
  node.firstChild.textContent = dayName(row.day, nowMs());
}

export function makeMessage() {
  return el("article", { class: "message" });
}

/** Fill a message's node, if what it shows has changed. */
export function updateMessage(node, row) {
  const signature = JSON.stringify([row.message ?? row.pending, row.isFirst]);
  if (node.signature === signature) return;
  node.signature = signature;
  node.className = `message ${row.isOurs ? "ours" : "theirs"}${row.isFirst ? " first" : ""}`;
  node.replaceChildren(...(row.pending ? pendingParts(row.pending) : storedParts(row)));
}

function storedParts(row) {
  const { message } = row;
  const bubble = el("div", { class: "bubble" }, senderOf(row), contentOf(message), footOf(message));
  const failure = message.status === "failed" && message.error;
  return [bubble, failure ? el("p", { class: "failure", text: sentences(message.error)[0] }) : ""];
}

function senderOf({ message, isGroup, isOurs, isFirst }) {
  if (!isGroup || isOurs || !isFirst) return null;
  const jid = message.senderJid ?? "";
  const name = message.senderName ?? jid.split("@")[0];
  return el("p", { class: `sender hue-${hueOf(jid)}`, text: name.startsWith("+") ? phone(name) : name });
}

function hueOf(text) {
  let sum = 0;
  for (const char of text) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return sum % HUES;
}

function contentOf(message) {
  if (message.undecryptable) {
    return placeholder("lock", message.body || "This message can't be read yet.");
  }
  if (message.kind === "text") return text(message.body ?? "");
  const [name, label] = KINDS[message.kind] ?? KINDS.unknown;
  const shown = placeholder(name, label);
  if (message.body) shown.append(text(message.body));
  return shown;
}

function placeholder(name, label) {
  return el("div", { class: "other-kind" }, el("p", { class: "kind" }, icon(name), label));
}

const text = (body) => el("p", { class: "body", dir: "auto", text: body });

function footOf(message) {
  const time = el("time", { text: clockTime(message.tsClientMs), title: exactTime(message.tsClientMs) });
  return el("p", { class: "foot" }, time, message.direction === "outbound" ? statusOf(message) : null);
}

function statusOf(message) {
  const [name, label] = STATUSES[message.status] ?? STATUSES.queued;
  const why = message.error && ["queued", "failed"].includes(message.status) ? `${label}: ${message.error}` : label;
  return el("span", { class: `tick tick-${message.status}`, title: why }, icon(name, why));
}

function pendingParts(message) {
  const isStuck = message.error !== "";
  const tick = el("span", { class: "tick", title: "Sending" }, icon(isStuck ? "alert" : "clock", isStuck ? "Not sent" : "Sending"));
  const bubble = el("div", { class: "bubble on-its-way" }, text(message.body),
    el("p", { class: "foot" }, el("time", { text: clockTime(message.atMs) }), tick));
  return [bubble, isStuck ? stuckParts(message) : ""];
}

function stuckParts(message) {
  return el("div", { class: "failure" }, el("span", { text: message.error }),
    el("button", { class: "text-button", type: "button", text: "Try again", on: { click: () => sendAgain(message) } }),
    el("button", { class: "text-button", type: "button", text: "Discard", on: { click: () => giveUp(message) } }));
}
