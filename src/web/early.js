// What takes a round trip need not wait for the WebAssembly. early.rs takes it over.
{
  const early = { events: [] };
  window.early = early;
  let isOver = false;
  early.end = () => {
    isOver = true;
    early.socket?.close();
  };

  early.config = fetch("config.json", { cache: "no-store", signal: AbortSignal.timeout(3_000) })
    .then((response) => response.ok ? response.text() : Promise.reject(`HTTP ${response.status}`))
    .then(JSON.parse);
  // The page tells what went wrong, and connects by itself.
  early.config.then(connect).catch(() => {});

  // Opens the socket that the page is going to want, where src/access.rs asks nobody: to the page's own
  // host, or from this machine to itself. Whatever else is said of connections is left to the page.
  function connect({ defaults = {}, mandatory = {}, allowed_hosts = [], url_param = "ask" }) {
    const link = Object.fromEntries(new URLSearchParams(location.search));
    const stored = Object.fromEntries(new URLSearchParams(localStorage.getItem("heartwire.settings") ?? ""));
    const given = { ...defaults, ...stored, ...link, ...mandatory };
    const isOfThisMachine = ({ hostname }) => /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
    if (["autoconnect", "protocols"].some((name) => name in given) || "heartbeat_text" in link
      || isOver || allowed_hosts.length || ("url" in link && url_param === "off")) return;
    const url = given.url ?? (isOfThisMachine(location) ? "ws://localhost:8080" : "/ws");
    if (!/^(wss?:\/)?\//.test(url)) return;
    const address = new URL(url, location);
    address.protocol = address.protocol.replace("http", "ws");
    const isOwn = address.host === location.host;
    if (address.username || !(isOwn || (isOfThisMachine(location) && isOfThisMachine(address)))) return;
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    for (const kind of ["open", "message", "close"]) {
      socket[`on${kind}`] = (event) => early.events.push(event);
    }
    early.socket = socket;
  }
}
