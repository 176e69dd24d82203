// A WebSocket without a network. Tests put it in the place of the real one and speak as its server.

/** Every socket made since `install`, oldest first. */
let sockets = [];
/** What the constructor throws, if it throws. */
let refusal = null;
const real = globalThis.WebSocket;

class FakeSocket extends EventTarget {
  static CONNECTING = 0;
  static OPEN = 1;
  static CLOSING = 2;
  static CLOSED = 3;

  constructor(url, protocols) {
    if (refusal) throw new DOMException("refused by the test", refusal);
    super();
    Object.assign(this, { url, protocols: [...protocols], protocol: "", readyState: 0, bufferedAmount: 0, sent: [], throws: false, closedWith: null, listening: 0 });
    sockets.push(this);
  }

  addEventListener(...args) {
    this.listening += 1;
    super.addEventListener(...args);
  }

  removeEventListener(...args) {
    this.listening -= 1;
    super.removeEventListener(...args);
  }

  send(text) {
    if (this.throws) throw new DOMException("not now", "InvalidStateError");
    // Bytes are copied: they are a part of somebody's memory.
    this.sent.push(typeof text === "string" ? text : text.slice());
  }

  close(code, reason) {
    this.closedWith = code;
    this.closeReason = reason;
    this.readyState = FakeSocket.CLOSING;
  }
}

export function install() {
  sockets = [];
  refusal = null;
  globalThis.WebSocket = FakeSocket;
}

export function uninstall() {
  globalThis.WebSocket = real;
}

export function refuse(name) {
  refusal = name;
}

export function count() {
  return sockets.length;
}

export function live() {
  return sockets.filter((socket) => socket.closedWith === null && socket.readyState < 2).length;
}

export function sent(index) {
  return sockets[index].sent;
}

export function listening(index) {
  return sockets[index].listening;
}

export function close_reason(index) {
  return sockets[index].closeReason ?? undefined;
}

export function closed_with(index) {
  return sockets[index].closedWith ?? undefined;
}

export function choose(index, protocol) {
  sockets[index].protocol = protocol;
}

export function open(index) {
  sockets[index].readyState = FakeSocket.OPEN;
  sockets[index].dispatchEvent(new Event("open"));
}

export function receive(index, text) {
  sockets[index].dispatchEvent(new MessageEvent("message", { data: text }));
}

export function receive_binary(index, length) {
  sockets[index].dispatchEvent(new MessageEvent("message", { data: new ArrayBuffer(length) }));
}

export function close(index, code, reason) {
  sockets[index].readyState = FakeSocket.CLOSED;
  sockets[index].dispatchEvent(new CloseEvent("close", { code, reason, wasClean: code !== 1006 }));
}

export function error(index) {
  sockets[index].readyState = FakeSocket.CLOSED;
  sockets[index].dispatchEvent(new Event("error"));
}

export function start_closing(index) {
  sockets[index].readyState = FakeSocket.CLOSING;
}

export function set_throws(index, throws) {
  sockets[index].throws = throws;
}

export function set_buffered(index, bytes) {
  sockets[index].bufferedAmount = bytes;
}

/** Counts how often something is drawn anew under an element, and the frames meanwhile. */
export class Drawings {
  static of(root) {
    const drawings = new Drawings();
    Object.assign(drawings, { drawn: 0, seen: 0 });
    const observer = new MutationObserver(() => (drawings.drawn += 1));
    observer.observe(root, { subtree: true, characterData: true, childList: true });
    const frame = () => {
      drawings.seen += 1;
      if (root.isConnected) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    return drawings;
  }

  count() {
    return this.drawn;
  }

  frames() {
    return this.seen;
  }
}

/** Counts what is listened to at the page as a whole, until `unwatch_page`. */
let listeners = 0;
export function watch_page() {
  listeners = 0;
  for (const target of [globalThis, document]) {
    const [add, remove] = [target.addEventListener, target.removeEventListener];
    target.addEventListener = (...args) => {
      listeners += 1;
      return add.apply(target, args);
    };
    target.removeEventListener = (...args) => {
      listeners -= 1;
      return remove.apply(target, args);
    };
  }
}

export function page_listeners() {
  return listeners;
}

export function unwatch_page() {
  for (const target of [globalThis, document]) {
    delete target.addEventListener;
    delete target.removeEventListener;
  }
}

/** Counts the timers that are made, until `unwatch_timers`. */
const { setInterval, setTimeout } = globalThis;
let made = { intervals: 0, timeouts: 0 };
export function watch_timers() {
  made = { intervals: 0, timeouts: 0 };
  globalThis.setInterval = (...args) => {
    made.intervals += 1;
    return setInterval(...args);
  };
  globalThis.setTimeout = (...args) => {
    made.timeouts += 1;
    return setTimeout(...args);
  };
}

export function intervals() {
  return made.intervals;
}

export function timeouts() {
  return made.timeouts;
}

export function unwatch_timers() {
  Object.assign(globalThis, { setInterval, setTimeout });
}

/** Draws no frame but by `pass_frame`, until `free_frames`. */
const { cancelAnimationFrame, requestAnimationFrame } = globalThis;
let frames = new Map();
let asked = 0;
export function hold_frames() {
  globalThis.requestAnimationFrame = (draw) => {
    asked += 1;
    frames.set(asked, draw);
    return asked;
  };
  globalThis.cancelAnimationFrame = (number) => frames.delete(number);
}

export function pass_frame() {
  const due = frames;
  frames = new Map();
  for (const draw of due.values()) draw(performance.now());
}

export function free_frames() {
  Object.assign(globalThis, { cancelAnimationFrame, requestAnimationFrame });
}

export function url(index) {
  return sockets[index].url;
}
