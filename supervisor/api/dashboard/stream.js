// `GET /api/events` by fetch: EventSource can't send the token. Comes back by itself.

import { ApiError, call } from "./api.js";

const SILENCE_MS = 40_000; // the server says something every 15 s
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 20_000;

/** Return a function that takes pieces of a stream and tells each whole event. */
export function eventParser(tell) {
  let rest = "";
  return (piece) => {
    const blocks = (rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) tellBlock(block, tell);
  };
}

function tellBlock(block, tell) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "event") name = value;
    if (field === "data") data.push(value);
  }
  if (data.length > 0) tell(name, JSON.parse(data.join("\n")));
}

/**
 * Listen until `stop()`.
 * @param {{onEvent: Function, onUp: Function, onDown: Function, onRefused: Function}} to
 */
export class Stream {
  #to;
  #isStopped = false;
  #failures = 0;
  #abort = new AbortController();
  #wake = () => {};

  constructor(to) {
    this.#to = to;
  }

  async run() {
    while (!this.#isStopped) {
      try {
        await this.#listen();
      } catch (error) {
        if (error instanceof ApiError && error.isUnauthorized) {
          this.#to.onRefused(error);
          return;
        }
      }
      if (this.#isStopped) return;
      this.#to.onDown();
      await this.#pause();
    }
  }

  stop() {
    this.#isStopped = true;
    this.#abort.abort();
    this.#wake();
  }

  /** Try now instead of after the pause: the network is back, or somebody looks again. */
  hurry() {
    this.#wake();
  }

  /** Connect anew: the stream may be broken without a sign of it. */
  renew() {
    this.#abort.abort();
  }

  async #listen() {
    this.#abort = new AbortController();
    const silence = new Silence(() => this.#abort.abort());
    try {
      const response = await call("/api/events", { signal: this.#abort.signal });
      await this.#read(response.body.getReader(), silence);
    } finally {
      silence.end();
      this.#abort.abort();
    }
  }

  async #read(reader, silence) {
    const decoder = new TextDecoder();
    const parse = eventParser((name, data) => this.#hear(name, data));
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      silence.begin();
      parse(decoder.decode(value, { stream: true }));
    }
  }

  #hear(name, data) {
    if (name === "ready") {
      this.#failures = 0;
      this.#to.onUp();
    } else if (name === "lagged") this.#abort.abort();
    else this.#to.onEvent(name, data);
  }

  #pause() {
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures += 1;
    // Half of it by chance, so that thirty open pages don't come back in one moment.
    const pauseMs = ceiling * (0.5 + Math.random() / 2);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Calls `act` when nothing has begun it again for long. */
class Silence {
  #act;
  #timer = 0;

  constructor(act) {
    this.#act = act;
    this.begin();
  }

  begin() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#act, SILENCE_MS);
  }

  end() {
    clearTimeout(this.#timer);
  }
}
