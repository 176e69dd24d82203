// A page that nobody sees: no timer of its own rings, and the test speaks for its worker.

const { Worker, setInterval } = globalThis;

/** The hidden state and what it takes away, from `begin` to `end`. */
export class HiddenPage {
  static begin() {
    const page = new HiddenPage();
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    globalThis.setInterval = () => 0;
    globalThis.Worker = class extends EventTarget {
      constructor() {
        super();
        page.worker = this;
      }
      postMessage() {}
      terminate() {}
    };
    return page;
  }

  ring() {
    this.worker.dispatchEvent(new MessageEvent("message", { data: 0 }));
  }

  end() {
    delete document.visibilityState;
    Object.assign(globalThis, { Worker, setInterval });
  }
}
