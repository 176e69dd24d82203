// What takes a round trip need not wait for the WebAssembly. early.rs takes it over.
{
  const early = { events: [] };
  window.early = early;
  let isOver = false;
  const drop = () => {
    early.socket?.close(1000);
    early.socket = undefined;
    early.events = [];
  };
  early.end = () => {
    isOver = true;
    drop();
  };

  // Beside an address with a name and a password nothing can be fetched, and the browser knows them by now.
  const { username, password } = new URL(document.baseURI);
  if (username + password) location.replace(location.origin + location.pathname + location.search + location.hash);

  // As in browser.rs: another installation on this origin has another path.
  const own = (name) => `heartwire ${location.pathname.replace(/[^/]*$/, "")} ${name}`;
  early.config = fetch("config.json", { cache: "no-store", signal: AbortSignal.timeout(3_000) })
    .then((response) => response.ok ? response.json() : Promise.reject(`HTTP ${response.status}`));

  // Where the page is going to connect to, where src/setup.rs asks nobody: to the page's own host, or from
  // this machine to itself. Whatever else is said of connections is left to the page, and so is what a
  // link says of them, and an address that the browser reads otherwise than it is written.
  const wanted = ({ defaults = {}, mandatory = {}, allowed_hosts = [], url_param = "ask" }) => {
    const link = Object.fromEntries(new URLSearchParams(location.search));
    const stored = Object.fromEntries(new URLSearchParams(localStorage.getItem(own("settings")) ?? ""));
    const tabUrl = sessionStorage.getItem(own("url"));
    if (tabUrl) stored.url = tabUrl;
    if (tabUrl === "-") delete stored.url;
    const given = { ...defaults, ...stored, ...link, ...mandatory };
    const words = ["heartbeat_text", "reply_text", "server_heartbeat_text", "greeting", "answers"];
    if (["autoconnect", "protocols", "protocol"].some((name) => name in given) || words.some((name) => name in link)
      || [allowed_hosts].flat().length || ("url" in link && url_param !== "allow")) return;
    const isOfThisMachine = (host) =>
      /^((.+\.)?localhost\.?|(0|127)(\.\d+){3}\.?|\[::1?\]|\[::ffff:(7f..|0|..?):[\da-f]+\])$/.test(host);
    const isHere = isOfThisMachine(location.hostname);
    const url = "url" in given ? given.url : isHere ? "ws://localhost:8080" : "/ws";
    const [read, host = location.host] = /^(?:wss?:\/\/([^/?]+)|\/(?![/\\]))[!"$-~]*$/.exec(url) ?? [];
    if (!read) return;
    const address = new URL(url, location);
    address.protocol = address.protocol.replace("http", "ws");
    const isAllowed = host === location.host || (isHere && isOfThisMachine(address.hostname));
    if (host === address.host && isAllowed) return address.href;
  };
  const connect = (config) => {
    const address = wanted(config);
    if (isOver || address === early.socket?.url) return;
    drop();
    if (!address) return;
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    for (const kind of ["open", "message", "close"]) {
      socket[`on${kind}`] = (event) => {
        // A server that floods a page that does not start.
        if (socket === early.socket && early.events.push(event) > 10_000) early.end();
      };
    }
    early.socket = socket;
  };
  // What the operator said when the page was here last saves the round trip to ask again, and holds until
  // he says something else. The page tells what went wrong, and connects by itself.
  try {
    connect(JSON.parse(localStorage.getItem(own("config"))));
  } catch {}
  early.config.then(connect).catch(() => {});
}
