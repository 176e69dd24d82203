import { Client } from '@stomp/stompjs';

const settings = new URLSearchParams(location.search);
const destination = settings.get('destination');
const received = document.querySelector('#received');
window.received = [];

// As "Using STOMP with JS" of its guide has it; it reconnects and beats by itself.
const client = new Client({
  brokerURL: settings.get('url'),
  connectHeaders: { login: settings.get('login'), passcode: settings.get('passcode') },
  reconnectDelay: 1000,
  heartbeatIncoming: 4000,
  heartbeatOutgoing: 4000,
});
client.onConnect = () => {
  document.body.dataset.connections = Number(document.body.dataset.connections ?? 0) + 1;
  client.subscribe(destination, (message) => {
    window.received.push(message.body);
    received.textContent = message.body;
  });
};
client.activate();
document.querySelector('#message').addEventListener('input', (event) => {
  client.publish({ destination, body: event.target.value });
});
