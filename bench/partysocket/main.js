import { WebSocket } from 'partysocket';
import { retryMax, retryMin, url } from '../settings.js';

// Endless by default; it has no heartbeat.
const socket = new WebSocket(url, [], {
  minReconnectionDelay: retryMin,
  maxReconnectionDelay: retryMax,
  reconnectionDelayGrowFactor: 2,
});
const received = document.querySelector('#received');
socket.addEventListener('message', (event) => {
  received.textContent = event.data;
});
document.querySelector('#message').addEventListener('input', (event) => {
  socket.send(event.target.value);
});
