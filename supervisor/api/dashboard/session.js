// The admin token, for as long as this tab lives.

const KEY = "wakeeper.token";
const IN_FRAGMENT = /^#token=(.+)$/;

let token = sessionStorage.getItem(KEY);

export const currentToken = () => token;

export function keepToken(given) {
  token = given;
  sessionStorage.setItem(KEY, given);
}

/** Forget the token, and what this tab noted beside it. */
export function forgetToken() {
  token = null;
  sessionStorage.clear();
}

/** Take a token out of a link (`/#token=…`), and out of the address bar and the history with it. */
export function takeTokenFromLink() {
  const found = IN_FRAGMENT.exec(location.hash);
  if (found === null) return null;
  history.replaceState(null, "", location.pathname + location.search);
  try {
    return decodeURIComponent(found[1]).trim();
  } catch {
    return found[1].trim(); // a token with a % in it that was not encoded
  }
}
