// What a page needs that uses no library: the Vue 2 page without Vue, and it comes back.

import { delay } from '../backoff.js';
import { heartbeat, url } from '../settings.js';

const received = document.querySelector('#received');
let socket;
let timer;
let attempt = 0;

function connect() {
  socket = new WebSocket(url);
  socket.onopen = () => {
    attempt = 0;
    restart();
  };
  socket.onmessage = (event) => {
    received.textContent = event.data;
    restart();
  };
  socket.onclose = () => {
    clearInterval(timer);
    attempt += 1;
    setTimeout(connect, delay(attempt));
  };
}

function restart() {
  clearInterval(timer);
  timer = setInterval(() => socket.send('heartbeat'), heartbeat);
}

document.querySelector('#message').oninput = (event) => {
  if (socket.readyState === WebSocket.OPEN) socket.send(event.target.value);
};
connect();
