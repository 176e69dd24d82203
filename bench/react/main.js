import { createElement } from 'react';
import { createRoot } from 'react-dom/client';
import module from 'react-use-websocket';
import { delay } from '../backoff.js';
import { heartbeat, url } from '../settings.js';

// A CommonJS package: what bundlers give as its default is all that it exports.
const useWebSocket = module.default ?? module;

const options = {
  shouldReconnect: () => true,
  reconnectAttempts: Infinity,
  reconnectInterval: (attempt) => delay(attempt + 1),
  // The time-out is as many intervals as by default: 60 s beside 25 s.
  heartbeat: {
    message: 'heartbeat',
    returnMessage: 'heartbeat',
    interval: heartbeat,
    timeout: heartbeat * 2.4,
  },
};

function Page() {
  const { lastMessage, sendMessage } = useWebSocket(url, options);
  const onInput = (event) => sendMessage(event.target.value);
  return [
    createElement('input', { key: 'message', id: 'message', onInput }),
    createElement('output', { key: 'received', id: 'received' }, lastMessage?.data),
  ];
}

createRoot(document.querySelector('#page')).render(createElement(Page));
