/** The real main.js in a process of its own, with its wire in our hands. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MODULES } from './modules.js';

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const HEADER_END = '\r\n\r\n';

/** No test takes this long; a process that does is ended, and its test fails instead of hanging. */
const DEADLINE_MS = 120_000;

/** Runs the body with a process, which is gone afterwards, however the body ended. */
export async function withSide(body, args) {
  const side = new NodeSide(args);
  try {
    await body(side);
  } finally {
    side.child.kill('SIGKILL');
  }
}

export class NodeSide {
  #received = Buffer.alloc(0);
  #waiting = () => {};
  #ended = false;
  #lastId = 0;
  stderr = '';

  constructor(args = ['--modules', MODULES]) {
    this.child = spawn(process.execPath, [MAIN, ...args], {
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    this.child.stdin.on('error', () => {}); // it ended; receiving tells
    this.child.stdout.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#waiting();
    });
    this.child.stdout.on('end', () => {
      this.#ended = true;
      this.#waiting();
    });
    this.child.stderr.on('data', (bytes) => {
      this.stderr += bytes;
    });
    this.exited = new Promise((resolve) => {
      this.child.on('close', (status, signal) => resolve(status ?? signal));
    });
  }

  /** Sends a request and gives the whole answer, attachment included. */
  async call(method, params = {}, attachment = Buffer.alloc(0)) {
    this.#lastId += 1;
    this.send({ jsonrpc: '2.0', id: this.#lastId, method, params }, attachment);
    return this.receive();
  }

  send(message, attachment = Buffer.alloc(0)) {
    const json = Buffer.from(JSON.stringify(message));
    const lengths = `Content-Length: ${json.length}\r\nAttachment-Length: ${attachment.length}`;
    this.child.stdin.write(Buffer.concat([Buffer.from(lengths + HEADER_END), json, attachment]));
  }

  async receive() {
    const header = (await this.#until((bytes) => bytes.indexOf(HEADER_END) + 1)) - 1;
    const text = this.#take(header + HEADER_END.length).toString();
    const content = Number(/Content-Length: (\d+)/.exec(text)[1]);
    const attached = Number(/Attachment-Length: (\d+)/.exec(text)?.[1] ?? 0);
    await this.#until((bytes) => bytes.length >= content + attached);
    return { message: JSON.parse(this.#take(content)), attachment: this.#take(attached) };
  }

  /** Ends the process, however far it is. */
  async end() {
    this.child.stdin.end();
    return this.exited;
  }

  #take(length) {
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }

  async #until(enough) {
    for (;;) {
      const result = enough(this.#received);
      if (result) return result;
      if (this.#ended) throw new Error(`the process ended (${await this.exited}): ${this.stderr}`);
      await new Promise((resolve) => {
        this.#waiting = resolve;
      });
    }
  }
}
