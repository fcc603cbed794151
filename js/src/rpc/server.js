import { RpcError, toWire } from './errors.js';
/** JSON-RPC 2.0 over frames, one request at a time. */
import { FrameError } from './frames.js';

/**
 * @typedef {object} Reply
 * @property {object} result
 * @property {Uint8Array[]} [chunks] the attachment
 * @property {boolean} [attachmentIsFree] nothing looks at the request's attachment any more, once
 *   this reply is written
 * @property {boolean} [last] the process ends after this answer
 */

/**
 * @typedef {(params: any, attachment: Uint8Array) => Reply | Promise<Reply>} Method
 */

/**
 * Answers until the peer closes the stream or a method says that it was the last.
 * @param {object} options
 * @param {import('./frames.js').FrameReader} options.reader
 * @param {import('./frames.js').FrameWriter} options.writer
 * @param {Record<string, Method>} options.methods
 * @param {(method: string, part: 'params', value: unknown) => string | null} options.validate
 * @param {Map<string, number>} options.codes
 * @param {import('./strays.js').Strays} options.strays
 * @returns {Promise<number>} the exit status of the process
 */
export async function serve({ reader, writer, methods, validate, codes, strays }) {
  for (;;) {
    let frame;
    try {
      frame = reader.read();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      writer.write(failure(null, RpcError.from('ParseError', error), codes));
      return 1;
    }
    if (frame === null) return 0;

    const { message, attachment } = frame;
    const id = message?.id ?? null;
    try {
      const call = resolve(message, methods, validate);
      const reply = await strays.guard(() => call(attachment));
      writer.write({ jsonrpc: '2.0', id, result: reply.result }, reply.chunks);
      if (reply.attachmentIsFree) reader.recycle(attachment);
      if (reply.last) return 0;
    } catch (error) {
      writer.write(failure(id, error, codes));
    }
  }
}

/** The method call that a message asks for, or the RpcError that says why there is none. */
function resolve(message, methods, validate) {
  const { jsonrpc, id, method, params = {} } = message ?? {};
  if (jsonrpc !== '2.0' || id === undefined || id === null || typeof method !== 'string') {
    throw new RpcError(
      'InvalidRequest',
      'a request has "jsonrpc": "2.0", an "id", a "method" and "params"',
    );
  }
  if (!Object.hasOwn(methods, method)) {
    const known = Object.keys(methods).join(', ');
    throw new RpcError('MethodNotFound', `no method "${method}"; the contract has ${known}`);
  }
  const complaint = validate(method, 'params', params);
  if (complaint !== null) throw new RpcError('InvalidParams', `${method}: ${complaint}`);
  return (attachment) => methods[method](params, attachment);
}

function failure(id, error, codes) {
  return { jsonrpc: '2.0', id, error: toWire(error, codes) };
}
