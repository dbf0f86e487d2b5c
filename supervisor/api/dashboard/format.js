// How times, phones and sentences read.

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const WEEKDAY = new Intl.DateTimeFormat("en", { weekday: "long" });
const DATE = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const SHORT_DATE = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "2-digit", year: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const clockTime = (atMs) => TIME.format(atMs);
export const exactTime = (atMs) => EXACT.format(atMs);

/** Return a number that is the same for all moments of one day here. */
export function dayOf(atMs) {
  return new Date(atMs).setHours(0, 0, 0, 0);
}

/** Return a day's name: Today, Yesterday, a weekday of the last week, or the date. */
export function dayName(atMs, nowMs) {
  const days = daysAgo(atMs, nowMs);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return days > 1 && days < 7 ? WEEKDAY.format(atMs) : DATE.format(atMs);
}

/** Return when a conversation last had something, as short as a list needs it. */
export function listTime(atMs, nowMs) {
  const days = daysAgo(atMs, nowMs);
  if (days === 0) return clockTime(atMs);
  if (days === 1) return "Yesterday";
  return days > 1 && days < 7 ? WEEKDAY.format(atMs).slice(0, 3) : SHORT_DATE.format(atMs);
}

function daysAgo(atMs, nowMs) {
  return Math.round((dayOf(nowMs) - dayOf(atMs)) / DAY_MS);
}

/** Return a countdown: `8 s`, `2 min 5 s`, `1 h 4 min`. */
export function countdown(seconds) {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Return a countdown in its largest unit, for a list. */
export function roughly(seconds) {
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

// ITU-T E.164: what is neither a one-digit nor a two-digit country code has three.
const COUNTRY_CODE = /^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d+)$/;

/** Return an E.164 number in groups that can be read; anything else as it is. */
export function phone(number) {
  const parts = /^\+\d{7,15}$/.test(number ?? "") ? COUNTRY_CODE.exec(number.slice(1)) : null;
  if (parts === null) return number ?? "";
  // Groups of three from the left; what would be left alone joins the last one.
  return `+${parts[1]} ${parts[2].match(/\d{3}(?=\d{3})|\d+/g).join(" ")}`;
}

/**
 * Return what a reason says and what it advises: the API writes them as `what — hint`, in small
 * letters and without a full stop.
 */
export function sentences(reason) {
  const [said, ...hint] = (reason ?? "").split(" — ");
  return [said, hint.join(" — ")].map(sentence);
}

function sentence(text) {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const begun = trimmed[0].toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
