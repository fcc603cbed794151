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

test('what is no error, or nothing the contract names, is still answered', () => {
  assert.equal(toWire(new Error('oops'), codes).code, -32603);
  assert.equal(toWire({ message: 'aborted' }, codes).message, 'aborted');
  assert.equal(toWire('just text', codes).message, 'just text');
  assert.equal(toWire(undefined, codes).message, 'undefined');
});
