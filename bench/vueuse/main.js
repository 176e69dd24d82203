import { useWebSocket } from '@vueuse/core';
import { createApp, h } from 'vue';
import { delay } from '../backoff.js';
import { heartbeat, url } from '../settings.js';

createApp({
  setup() {
    const { data, send } = useWebSocket(url, {
      // Endless by default.
      autoReconnect: { delay },
      heartbeat: { message: 'heartbeat', interval: heartbeat },
    });
    return () => [
      h('input', { id: 'message', onInput: (event) => send(event.target.value) }),
      h('output', { id: 'received' }, data.value),
    ];
  },
}).mount('#page');
