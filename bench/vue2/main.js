// The page that Heartwire replaces: every keystroke is sent, the last message is shown, a heartbeat
// breaks each long silence. It does not reconnect.

import { heartbeat, url } from '../settings.js';

new Vue({
  el: '#page',
  data: { message: '', received: '' },
  created() {
    this.socket = new WebSocket(url);
    this.socket.onopen = this.restart;
    this.socket.onmessage = (event) => {
      this.received = event.data;
      this.restart();
    };
    this.socket.onclose = this.stop;
  },
  methods: {
    send() {
      this.socket.send(this.message);
    },
    restart() {
      this.stop();
      this.timer = setInterval(() => this.socket.send('heartbeat'), heartbeat);
    },
    stop() {
      clearInterval(this.timer);
    },
  },
});
