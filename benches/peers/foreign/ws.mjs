// An echo server on `ws`. It prints its port and ends with its standard input.
import { WebSocketServer } from "ws";

const options = { host: "127.0.0.1", port: 0, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024 };
const server = new WebSocketServer(options, () => console.log(server.address().port));
server.on("connection", (ws) => {
  ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
  ws.on("error", () => {});
});
process.stdin.resume().on("end", () => process.exit());
