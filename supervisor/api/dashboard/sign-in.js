// The form that asks for the admin token.

import { byId, setText } from "./dom.js";

/** Have `enter(token)` called with what is pasted. */
export function startSignIn(enter) {
  byId("sign-in-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const token = byId("sign-in-token").value.trim();
    if (token === "") {
      askForToken("Paste the admin token first.");
      return;
    }
    const button = event.submitter ?? byId("sign-in-form").querySelector("button");
    button.disabled = true;
    await enter(token);
    button.disabled = false;
  });
}

export function askForToken(problem = "", given = "") {
  byId("sign-in").hidden = false;
  setText(byId("sign-in-error"), problem);
  const input = byId("sign-in-token");
  input.value = given;
  input.setAttribute("aria-invalid", String(problem !== ""));
  input.focus();
  input.select();
}

export function endSignIn() {
  byId("sign-in").hidden = true;
  byId("sign-in-token").value = "";
}
