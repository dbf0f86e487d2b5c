// The server's time: the reader's own clock may be minutes off, and countdowns must not be.

const NOTICEABLE_MS = 2_000; // the Date header only knows whole seconds

let offsetMs = 0;

export const nowMs = () => Date.now() + offsetMs;

export function noteServerTime(dateHeader) {
  const atMs = Date.parse(dateHeader ?? "");
  if (Number.isNaN(atMs)) return;
  const differenceMs = atMs - Date.now();
  offsetMs = Math.abs(differenceMs) < NOTICEABLE_MS ? 0 : differenceMs;
}

/** Return the whole seconds until a moment, 0 when it is over; null where there is none. */
export function secondsUntil(atMs) {
  return atMs === null ? null : Math.max(0, Math.ceil((atMs - nowMs()) / 1000));
}
