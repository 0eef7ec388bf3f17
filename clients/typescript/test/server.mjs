// A real Doorward for the tests: ephemeral, on a free port. Set `DOORWARD` to its path if it is not on the search path.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import { createInterface } from "node:readline";
import { after } from "node:test";

export const password = "three boats on a lake";

const server = spawn(process.env.DOORWARD ?? "doorward", ["serve", "--ephemeral"], { stdio: ["pipe", "pipe", "inherit"] });
const [line] = await once(createInterface({ input: server.stdout }), "line");
export const { url } = JSON.parse(line);

after(async () => {
  const ended = once(server, "exit");
  // It stops when its standard input is closed, also if this process is killed.
  server.stdin.end();
  await ended;
});

let count = 0;

/** Signs up a user, and returns their credentials. */
export async function newUser() {
  const username = `user-${process.pid}-${++count}`;
  const body = JSON.stringify({ username, password });
  const response = await fetch(`${url}/user`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  if (response.status !== 201) throw new Error(await response.text());
  return { username, password };
}

/**
 * A proxy in front of Doorward, which counts requests. `fault` decides what happens to one: "drop" ends the connection
 * before Doorward sees the request, "lose" after it has responded, and an object is the response.
 */
export async function proxy(fault = () => undefined) {
  const seen = [];
  const listener = createServer((incoming, response) => {
    const request = `${incoming.method} ${incoming.url}`;
    const count = seen.push(request);
    const times = seen.filter((earlier) => earlier === request).length;
    const found = fault(request, times, count);
    if (found === "drop") return incoming.socket.destroy();
    if (typeof found === "object") return response.writeHead(found.status, found.headers).end(found.body);
    const { hostname, port } = new URL(url);
    const { method, url: path, headers } = incoming;
    const outgoing = forward({ hostname, port, method, path, headers }, (answer) => {
      if (found === "lose") return incoming.socket.destroy();
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    incoming.pipe(outgoing);
  });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  after(() => {
    listener.close();
    listener.closeAllConnections();
  });
  return {
    url: `http://localhost:${listener.address().port}`,
    /** How often this request came, such as "GET /auth". */
    count: (request) => seen.filter((earlier) => earlier === request).length,
  };
}
