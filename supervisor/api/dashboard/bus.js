// Who changes something says so here; who shows it listens. Topics: accounts, threads, messages,
// qr, live, route, tick, signed-out.

const target = new EventTarget();

export function emit(topic, detail = null) {
  target.dispatchEvent(new CustomEvent(topic, { detail }));
}

export function on(topics, act) {
  for (const topic of topics.split(" ")) target.addEventListener(topic, (event) => act(event.detail));
}
