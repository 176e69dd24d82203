import { useWebSocket } from '@vueuse/core';
import { createApp, h } from 'vue';
import { heartbeat, retryMax, retryMin, url } from '../settings.js';

createApp({
  setup() {
    const { data, send } = useWebSocket(url, {
      // Endless by default; the delays are Heartwire's.
      autoReconnect: {
        delay: (attempt) => Math.random() * Math.min(retryMax, retryMin * 2 ** (attempt - 1)),
      },
      heartbeat: { message: 'heartbeat', interval: heartbeat },
    });
    return () => [
      h('input', { id: 'message', onInput: (event) => send(event.target.value) }),
      h('output', { id: 'received' }, data.value),
    ];
  },
}).mount('#page');
