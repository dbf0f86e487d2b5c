// What an account's status means to an operator. Tones: ok, work (busy by itself), act (a person
// must do something), bad, idle.

const TABLE = {
  connecting: { label: "Connecting", tone: "work", icon: "clock" },
  qr_ready: { label: "Scan the QR code", tone: "act", icon: "qr" },
  awaiting_scan: { label: "QR code on its way", tone: "act", icon: "qr" },
  pairing: { label: "Linking", tone: "work", icon: "clock" },
  connected: { label: "Connected", tone: "ok", icon: "check" },
  reconnecting: { label: "Reconnecting", tone: "work", icon: "retry" },
  disconnected: { label: "Disconnected", tone: "bad", icon: "unlink" },
  needs_qr: { label: "Needs a QR code", tone: "bad", icon: "alert" },
  logged_out: { label: "Logged out", tone: "bad", icon: "alert" },
  passive: { label: "Run by another instance", tone: "idle", icon: "pause" },
  deleting: { label: "Being deleted", tone: "idle", icon: "bin" },
};

export function meaningOf(status) {
  return TABLE[status] ?? { label: status, tone: "idle", icon: "clock" };
}

const LINKING = new Set(["qr_ready", "awaiting_scan", "pairing", "needs_qr", "logged_out"]);
const AT_REST = new Set(["disconnected", "needs_qr", "logged_out"]);
const SHOWING_CODES = new Set(["qr_ready", "awaiting_scan"]);

/** Tell whether what the account needs next is its phone. */
export function isLinking(account) {
  return LINKING.has(account.status) || (account.status === "connecting" && !account.jid);
}

/** Tell whether nothing happens until a person asks for it. */
export const isAtRest = (account) => AT_REST.has(account.status);

export const isShowingCodes = (account) => SHOWING_CODES.has(account.status);

/** Tell whether an operator should look at it. */
export function needsAttention(account) {
  const { tone } = meaningOf(account.status);
  return tone === "bad" || tone === "act";
}
