/**
 * Makes an error that nobody caught the failure of the request that was running.
 *
 * TensorFlow.js and custom ops start promises that nobody awaits. Without this, one of them would
 * end the process, and with it the answer to what went wrong.
 */
export class Strays {
  /** @type {((error: unknown) => void) | null} */
  #reject = null;

  constructor() {
    process.on('uncaughtException', (error) => this.#caught(error));
    process.on('unhandledRejection', (reason) => this.#caught(reason));
    process.on('beforeExit', () => {
      if (this.#reject) this.#caught(new Error('nothing is left to run, yet there is no result'));
    });
  }

  /**
   * What `body` resolves to, unless a stray error comes first.
   * @template T
   * @param {() => T | Promise<T>} body
   * @returns {Promise<T>}
   */
  async guard(body) {
    const stray = new Promise((_, reject) => {
      this.#reject = reject;
    });
    try {
      return await Promise.race([settle(body), stray]);
    } finally {
      this.#reject = null;
    }
  }

  #caught(error) {
    if (this.#reject) this.#reject(error);
    else console.error('tfjs-verify: an error outside any request:', error);
  }
}

/**
 * Runs the body; if it was asynchronous, gives the event loop one turn, in which a stray rejection
 * is reported.
 */
async function settle(body) {
  const pending = body();
  if (!(pending instanceof Promise)) return pending;
  const result = await pending;
  await new Promise(setImmediate);
  return result;
}
