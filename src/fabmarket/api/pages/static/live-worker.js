// One stream for all tabs of a browser: HTTP/1.1 allows six to a server, and the seventh tab would
// wait for ever.
import { follow } from "./stream.js";

const ports = new Set();
let last = null;

onconnect = (event) => {
  const [port] = event.ports;
  ports.add(port);
  port.onmessage = () => ports.delete(port); // a tab says that it closes
  if (last) port.postMessage(last);
};

follow((message) => {
  if (message.kind !== "news") last = message;
  for (const port of ports) port.postMessage(message);
});
