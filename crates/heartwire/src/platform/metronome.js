// Timers that keep their pace: a worker's, which no browser slows down when its page is hidden. This file is
// both halves, since a policy may allow no worker that is made of a blob; it is its own worker as long as
// it is a file of its own. A bundler may have put it into another one: then a blob is all there is.
const NAME = "heartwire metronome";

const keep = () => {
  const timers = new Map();
  onmessage = ({ data: [id, millis] }) => {
    clearTimeout(timers.get(id));
    timers.delete(id);
    if (millis >= 0) timers.set(id, setTimeout(() => postMessage(id), millis));
  };
};
if (typeof document === "undefined" && self.name === NAME) keep();

const rings = new Map();
let worker;
let isRefused = false;
let count = 0;

const start = () => {
  const own = import.meta.url;
  const isOwnFile = /\/metronome[^/]*\.js$/.test(own.split("?")[0]);
  const url = isOwnFile ? own : URL.createObjectURL(new Blob([`(${keep})()`]));
  worker = new Worker(url, { name: NAME, type: isOwnFile ? "module" : "classic" });
  worker.addEventListener("message", ({ data }) => rings.get(data)?.());
  // A policy that allows no worker says so here.
  worker.addEventListener("error", () => {
    isRefused = true;
  });
};

// Has `ring` be called after so many milliseconds, once, unless it is set again before. Returns its number.
export const add = (ring) => {
  rings.set(++count, ring);
  return count;
};

export const set = (id, millis) => {
  if (isRefused) return;
  if (!worker) {
    // What throws is told once.
    isRefused = true;
    start();
    isRefused = false;
  }
  worker.postMessage([id, millis]);
};

export const unset = (id) => worker?.postMessage([id, -1]);

export const remove = (id) => {
  unset(id);
  rings.delete(id);
  if (rings.size) return;
  worker?.terminate();
  worker = undefined;
};
