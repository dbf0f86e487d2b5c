// The list of accounts, and what stands above it.

import { on } from "./bus.js";
import { secondsUntil } from "./clock.js";
import { byId, el, icon, reconcile, setAttribute, setText, walkWithArrows } from "./dom.js";
import { phone, plural, roughly } from "./format.js";
import { model } from "./model.js";
import { go, route } from "./route.js";
import { newOf } from "./seen.js";
import { isAway, meaningOf, needsAttention } from "./statuses.js";

let isOnlyAttention = false;

export function showAccounts() {
  walkWithArrows(byId("accounts"));
  byId("attention").addEventListener("click", () => {
    isOnlyAttention = !isOnlyAttention;
    show();
  });
  on("accounts threads messages route tick", show);
}

function show() {
  if (!model.loaded) return;
  const all = [...model.accounts.values()];
  const troubled = all.filter(needsAttention);
  isOnlyAttention &&= troubled.length > 0;
  showSummary(all, troubled);
  byId("no-accounts").hidden = all.length > 0;
  reconcile(byId("accounts"), isOnlyAttention ? troubled : all, {
    key: (account) => account.id,
    make: makeItem,
    update: updateItem,
  });
}

function showSummary(all, troubled) {
  const connected = all.filter((account) => account.status === "connected").length;
  const mode = model.mode === "" ? "" : ` · ${model.mode}`;
  setText(byId("summary"), `${connected} of ${all.length} connected${mode}`);
  const button = byId("attention");
  button.hidden = troubled.length === 0;
  setAttribute(button, "aria-pressed", String(isOnlyAttention));
  const says = `${plural(troubled.length, "account")} ${troubled.length === 1 ? "needs" : "need"} attention`;
  setText(button, isOnlyAttention ? `${says} · show all` : says);
}

function makeItem(account) {
  const parts = {
    name: el("span", { class: "account-name" }),
    news: el("span", { class: "badge" }),
    phone: el("span", { class: "account-phone" }),
    status: el("span", { class: "status-text" }),
    mark: el("span", { class: "status-mark" }),
  };
  const button = el(
    "button",
    { class: "account", type: "button", on: { click: () => go({ accountId: account.id }) } },
    parts.mark,
    el("span", { class: "account-lines" },
      el("span", { class: "line" }, parts.name, parts.news),
      el("span", { class: "line" }, parts.phone, parts.status)),
  );
  const item = el("li", {}, button);
  item.parts = { ...parts, button };
  return item;
}

function updateItem(item, account) {
  const { parts } = item;
  setText(parts.name, account.name);
  setText(parts.phone, phone(account.phone));
  setStatus(parts, account);
  const count = newOf(account.id);
  setText(parts.news, count === 0 ? "" : String(count));
  setAttribute(parts.news, "title", count === 0 ? null : plural(count, "new message"));
  setAttribute(parts.button, "aria-current", account.id === route.accountId ? "true" : null);
}

function setStatus(parts, account) {
  const { label, tone, icon: name } = meaningOf(account.status);
  const left = secondsUntil(account.retryAt ? Date.parse(account.retryAt) : null);
  setText(parts.status, left && isAway(account) ? `Retry in ${roughly(left)}` : label);
  if (parts.mark.dataset.icon !== name) {
    parts.mark.replaceChildren(icon(name));
    parts.mark.dataset.icon = name;
  }
  parts.button.dataset.tone = tone;
  setAttribute(parts.button, "title", account.reason || null);
}
