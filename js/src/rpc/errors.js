/**
 * An error that the contract knows by name; anything else that is thrown becomes `InternalError`.
 */
export class RpcError extends Error {
  /**
   * @param {string} kind the error's name in contract.json
   * @param {string} message
   * @param {{cause?: unknown}} [options]
   */
  constructor(kind, message, options) {
    super(message, options);
    this.name = kind;
    this.kind = kind;
  }

  /**
   * The same failure under the contract's name, with the message and the stack of its cause. A trap
   * is called one wherever it surfaces: what a kernel corrupted may only show in a later disposal.
   * @param {string} kind
   * @param {unknown} cause
   * @param {string} [context] what was being done, put before the message
   */
  static from(kind, cause, context) {
    if (cause instanceof RpcError) return cause;
    const message = messageOf(cause);
    if (cause instanceof WebAssembly.RuntimeError) {
      const trap = `a WebAssembly kernel trapped: ${message}`;
      return new RpcError('BackendBroken', trap, { cause });
    }
    return new RpcError(kind, context ? `${context}: ${message}` : message, { cause });
  }
}

/**
 * The JSON-RPC error object of anything that was thrown.
 * @param {unknown} thrown
 * @param {Map<string, number>} codes error name to code
 */
export function toWire(thrown, codes) {
  const error = RpcError.from('InternalError', thrown);
  const origin = error.cause ?? error;
  return {
    code: codes.get(error.kind),
    message: error.message,
    data: {
      type: origin instanceof Error ? origin.name : typeof origin,
      stack: (origin instanceof Error && origin.stack) || '',
    },
  };
}

/** @param {unknown} thrown TensorFlow.js also rejects with plain objects that carry a message */
export function messageOf(thrown) {
  return String(/** @type {any} */ (thrown)?.message || thrown);
}
