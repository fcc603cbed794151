import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readContract } from '../../src/contract.js';
import { RpcError, toWire } from '../../src/rpc/errors.js';

const { codes } = readContract();

test('an error keeps the message, type and stack of its cause', () => {
  const cause = new TypeError('x is not a tensor');
  const wire = toWire(RpcError.from('ExecutionFailed', cause), codes);
  assert.equal(wire.code, 1006);
  assert.equal(wire.message, 'x is not a tensor');
  assert.deepEqual(wire.data, { type: 'TypeError', stack: cause.stack });
});

test('the first name that an error was given stays', () => {
  const inner = new RpcError('LoadFailed', 'no file');
  assert.equal(RpcError.from('ExecutionFailed', inner), inner);
});

test('a trap of WebAssembly breaks the backend, wherever it surfaces', () => {
  const module = new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // magic and version
    ...[1, 4, 1, 0x60, 0, 0], // a type: nothing to nothing
    ...[3, 2, 1, 0, 8, 1, 0], // a function of it, which starts the module
    ...[10, 5, 1, 3, 0, 0, 0x0b], // and is `unreachable`
  ]);
  /** @type {unknown} */
  let trap;
  try {
    new WebAssembly.Instance(new WebAssembly.Module(module));
  } catch (error) {
    trap = error;
  }
  for (const wire of [toWire(trap, codes), toWire(RpcError.from('ExecutionFailed', trap), codes)]) {
    assert.equal(wire.code, codes.get('BackendBroken'));
    assert.match(wire.message, /WebAssembly kernel trapped: unreachable/);
  }
});

test('what is no error, or nothing the contract names, is still answered', () => {
  assert.equal(toWire(new Error('oops'), codes).code, -32603);
  assert.equal(toWire({ message: 'aborted' }, codes).message, 'aborted');
  assert.equal(toWire('just text', codes).message, 'just text');
  assert.equal(toWire(undefined, codes).message, 'undefined');
});
