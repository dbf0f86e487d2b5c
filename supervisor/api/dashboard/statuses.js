// What an account's status means to an operator. Tones: ok, work (busy by itself), act (a person
// must do something), bad, idle.

const TABLE = {
  connecting: { label: "Connecting", tone: "work", icon: "clock" },
  qr_ready: { label: "Scan QR", tone: "act", icon: "qr" },
  awaiting_scan: { label: "QR coming", tone: "act", icon: "qr" },
  pairing: { label: "Linking", tone: "work", icon: "clock" },
  connected: { label: "Connected", tone: "ok", icon: "check" },
  reconnecting: { label: "Reconnecting", tone: "work", icon: "retry" },
  disconnected: { label: "Disconnected", tone: "bad", icon: "unlink" },
  needs_qr: { label: "Needs QR", tone: "bad", icon: "alert" },
  logged_out: { label: "Logged out", tone: "bad", icon: "alert" },
  passive: { label: "Passive", tone: "idle", icon: "pause" },
  deleting: { label: "Deleting", tone: "idle", icon: "bin" },
};

export function meaningOf(status) {
  return TABLE[status] ?? { label: status, tone: "idle", icon: "clock" };
}

const ASKING = new Set(["qr_ready", "awaiting_scan", "pairing", "needs_qr", "logged_out"]);
const AT_REST = new Set(["disconnected", "needs_qr", "logged_out"]);
const SHOWING_CODES = new Set(["qr_ready", "awaiting_scan"]);

/** Tell whether it can't go on without its phone. */
export const asksForPhone = (account) => ASKING.has(account.status);

/** Tell whether it lost its connection, and may come back by itself. */
export const isAway = ({ status }) => status === "reconnecting" || status === "disconnected";

/** Tell whether nothing happens until a person asks for it. */
export const isAtRest = (account) => AT_REST.has(account.status);

export const isShowingCodes = (account) => SHOWING_CODES.has(account.status);

/** Tell whether an operator should look at it. */
export function needsAttention(account) {
  const { tone } = meaningOf(account.status);
  return tone === "bad" || tone === "act";
}
