// A page that nobody sees: its heartbeat gets no timer, for that is started by a message which does
// not come, and the test speaks for its worker.

const { Worker, MessageChannel } = globalThis;

class SilentPort extends EventTarget {
  start() {}
  close() {}
  postMessage() {}
}

/** The hidden state and what it takes away, from `begin` to `end`. */
export class HiddenPage {
  static begin() {
    const page = new HiddenPage();
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    globalThis.MessageChannel = class {
      port1 = new SilentPort();
      port2 = new SilentPort();
    };
    globalThis.Worker = class extends EventTarget {
      constructor() {
        super();
        page.worker = this;
      }
      postMessage([timer]) {
        this.timer = timer;
      }
      terminate() {}
    };
    return page;
  }

  ring() {
    this.worker.dispatchEvent(new MessageEvent("message", { data: this.worker.timer }));
  }

  end() {
    delete document.hidden;
    Object.assign(globalThis, { Worker, MessageChannel });
  }
}
