// What the misbehaving peers share: a conversation that goes well until one of them makes it not.
// Started as main.js is (arguments are ignored), they need no node_modules.
import fs from 'node:fs';
import { readContract } from '../../js/src/contract.js';
import { FrameReader, FrameWriter } from '../../js/src/rpc/frames.js';

export const STDOUT = 1;
export const writer = new FrameWriter(STDOUT);

/** The result that main.js would give to `initialize`, had it a backend. */
export function initialized({ backend }) {
  return { contract: readContract().hash, backend, versions: { node: process.versions.node }, features: {} };
}

/** Calls `answer(request)` for every request after `initialize`, which is answered as it should be. */
export function converse(answer, initialize = initialized) {
  const reader = new FrameReader(0);
  for (let frame = reader.read(); frame !== null; frame = reader.read()) {
    const request = frame.message;
    if (request.method === 'initialize') reply(request, initialize(request.params));
    else answer(request);
  }
}

export function reply({ id }, result) {
  writer.write({ jsonrpc: '2.0', id, result });
}

/** Puts bytes on the wire that no frame asked for. */
export function spill(text) {
  fs.writeSync(STDOUT, text);
}
