import { WebSocket } from 'partysocket';
import { heartbeat, retryMax, retryMin, url } from '../settings.js';

// Endless by default.
const socket = new WebSocket(url, [], {
  minReconnectionDelay: retryMin,
  maxReconnectionDelay: retryMax,
  reconnectionDelayGrowFactor: 2,
});
const received = document.querySelector('#received');
socket.addEventListener('open', restart);
socket.addEventListener('message', (event) => {
  received.textContent = event.data;
  restart();
});
socket.addEventListener('close', stop);
document.querySelector('#message').addEventListener('input', (event) => {
  socket.send(event.target.value);
});

// It has no heartbeat of its own: this one is the page's.
let timer;

function restart() {
  stop();
  timer = setInterval(() => socket.send('heartbeat'), heartbeat);
}

function stop() {
  clearInterval(timer);
}
