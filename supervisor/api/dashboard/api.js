// The HTTP API: one function per route, errors as one class, a deadline on every call.

import { currentToken } from "./session.js";
import { noteServerTime } from "./clock.js";

const TIMEOUT_MS = 20_000; // longer than the API waits for WhatsApp's answer to a message
const BASE = "/api/whatsapp";

/** What a call came to: `status` 0 means that no answer arrived. */
export class ApiError extends Error {
  constructor(status, code, message, body = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.body = body;
  }

  get isUnreachable() {
    return this.status === 0;
  }

  get isUnauthorized() {
    return this.status === 401 || this.status === 403 && this.code === "forbidden";
  }

  get mayBeTriedAgain() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export const listAccounts = () => getJson(`${BASE}/accounts`);
export const addAccount = (phone, name) => postJson(`${BASE}/add-account`, { phone, name });
export const regenerateQr = (accountId) => postJson(`${BASE}/regenerate-qr/${encodeURIComponent(accountId)}`, {});
export const listThreads = (accountId, limit) =>
  getJson(`${BASE}/threads/${encodeURIComponent(accountId)}?limit=${limit}`);
export const listMessages = (accountId, threadId, limit) =>
  getJson(`${BASE}/messages/${encodeURIComponent(accountId)}/${encodeURIComponent(threadId)}?limit=${limit}`);
export const sendMessage = (message) => postJson(`${BASE}/send-message`, message);
export const markRead = (accountId, threadId, messageIds) =>
  postJson(`${BASE}/mark-read`, { accountId, threadId, messageIds });
export const qrState = (accountId) =>
  getJson(`${BASE}/qr/${encodeURIComponent(accountId)}?format=json`);

/** Return the QR code as the text of an SVG document. */
export async function qrSvg(accountId) {
  const path = `${BASE}/qr/${encodeURIComponent(accountId)}?format=svg`;
  return (await call(path)).text();
}

/** Return the open response of a path; throws ApiError for anything but a success. */
export async function call(path, { method = "GET", body, signal } = {}) {
  const headers = { Authorization: `Bearer ${currentToken() ?? ""}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(TIMEOUT_MS),
      cache: "no-store",
      credentials: "omit",
    });
  } catch {
    throw new ApiError(0, "unreachable", "Wakeeper can't be reached. Is it running?");
  }
  noteServerTime(response.headers.get("Date"));
  if (!response.ok) throw await errorOf(response);
  return response;
}

const getJson = (path) => json(path, {});
const postJson = (path, body) => json(path, { method: "POST", body });

async function json(path, how) {
  const response = await call(path, how);
  try {
    return await response.json();
  } catch {
    throw new ApiError(0, "broken_answer", "The answer broke off on its way.");
  }
}

async function errorOf(response) {
  const body = await response.json().catch(() => ({}));
  const message = body.message || body.error || `The server answered ${response.status}.`;
  return new ApiError(response.status, body.error ?? "", message, body);
}
