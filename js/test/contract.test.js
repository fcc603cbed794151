import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { test } from 'node:test';
import { CONTRACT_URL, createValidator, readContract, requireMethods } from '../src/contract.js';
import { createMethods } from '../src/methods.js';
import { require } from './support/modules.js';

const contract = readContract();

test('the hash is that of the bytes', () => {
  const digest = createHash('sha256').update(fs.readFileSync(CONTRACT_URL)).digest('hex');
  assert.equal(contract.hash, digest);
});

test('methods.js has exactly the methods of the contract', () => {
  requireMethods(contract, createMethods({ contract, require }));
});

test('a missing method and one too many are refused by name', () => {
  const { echo, ...methods } = createMethods({ contract, require });
  assert.throws(
    () => requireMethods(contract, { ...methods, teleport: echo }),
    /missing \[echo\], not in the contract \[teleport\]/,
  );
});

test('parameters are validated against the schema, references included', () => {
  const validate = createValidator(contract, require('ajv'));
  const tensor = { dtype: 'float32', shape: [2], offset: 0, byteLength: 8 };
  assert.equal(validate('echo', 'params', { tensors: { x: tensor } }), null);
  assert.match(
    validate('echo', 'params', { tensors: { x: { ...tensor, shape: [-1] } } }),
    /params\/tensors\/x\/shape\/0 must be >= 0/,
  );
});

test('every error has a code of its own', () => {
  assert.equal(contract.codes.get('ParseError'), -32700);
  assert.equal(new Set(contract.codes.values()).size, contract.codes.size);
});
