// Adding an account, and writing to a new number; what the API refuses is said in the form.

import { addAccount } from "./api.js";
import { byId, setText } from "./dom.js";
import { newId } from "./ids.js";
import { sendFirst } from "./outgoing.js";
import { go } from "./route.js";
import { readOpen, rereadAccounts } from "./sync.js";

let from = null; // the account that a new conversation is from
let clientMessageId = ""; // one per text: sending the same form again sends nothing twice

export function startDialogs() {
  byId("add-account").addEventListener("click", openAddDialog);
  byId("add-first").addEventListener("click", openAddDialog);
  submits("add", add);
  submits("new", write);
  for (const id of ["new-phone", "new-text"]) {
    byId(id).addEventListener("input", () => {
      clientMessageId = newId();
    });
  }
}

function openAddDialog() {
  open("add");
}

export function openNewDialog(account) {
  from = account;
  clientMessageId = newId();
  open("new");
}

function open(name) {
  byId(`${name}-form`).reset();
  setText(byId(`${name}-error`), "");
  byId(`${name}-phone`).removeAttribute("aria-invalid");
  byId(`${name}-dialog`).showModal();
  byId(`${name}-phone`).focus();
}

function submits(name, act) {
  const form = byId(`${name}-form`);
  const dialog = byId(`${name}-dialog`);
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    try {
      await act();
      dialog.close();
    } catch (error) {
      setText(byId(`${name}-error`), error.message);
      byId(`${name}-phone`).setAttribute("aria-invalid", String(error.status === 400));
    }
    button.disabled = false;
  });
}

async function add() {
  const phone = needed("add-phone", "Enter the phone number.");
  const { account } = await addAccount(phone, byId("add-name").value.trim());
  rereadAccounts();
  go({ accountId: account.id });
}

async function write() {
  const phone = needed("new-phone", "Enter the phone number.");
  const text = needed("new-text", "Write the message.");
  const threadId = await sendFirst(from.id, phone, text, clientMessageId);
  go({ accountId: from.id, threadId: threadId ?? null });
  readOpen();
}

function needed(id, problem) {
  const value = byId(id).value.trim();
  if (value !== "") return value;
  byId(id).focus();
  throw Object.assign(new Error(problem), { status: id.endsWith("phone") ? 400 : 0 });
}
