import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDescriptors, encodeTensors, fetchTensors, toTensors } from '../src/tensors.js';
import { cpuBackend } from './support/modules.js';

const f32 = (...values) => new Uint8Array(Float32Array.from(values).buffer);
const describe = (dtype, shape, byteLength, offset = 0) => ({ dtype, shape, offset, byteLength });

test('each dtype makes a tensor and comes back as it was', async () => {
  const tf = await cpuBackend();
  const strings = Uint8Array.of(2, 0, 0, 0, 0xff, 0x00, 0, 0, 0, 0);
  const attachment = new Uint8Array(64);
  attachment.set(f32(1.5, Number.NaN), 0);
  attachment.set(new Uint8Array(Int32Array.of(-1, 2 ** 31 - 1).buffer), 8);
  attachment.set(Uint8Array.of(1, 0, 1), 16);
  attachment.set(f32(1, -2, 3, -4), 24);
  attachment.set(strings, 40);
  const descriptors = {
    float: describe('float32', [2, 1], 8, 0),
    integer: describe('int32', [2], 8, 8),
    truth: describe('bool', [3], 3, 16),
    complex: describe('complex64', [2], 16, 24),
    text: describe('string', [2], strings.length, 40),
    nothing: describe('float32', [0, 3], 0, 56),
  };
  const tensors = toTensors(tf, descriptors, attachment);
  assert.equal(tensors.complex.dtype, 'complex64');
  const { descriptors: back, chunks } = encodeTensors(await fetchTensors(tensors));
  assert.deepEqual(back, descriptors);
  assert.deepEqual(Buffer.concat(chunks).subarray(0, 50), Buffer.from(attachment.subarray(0, 50)));
});

test('numeric tensors look at the attachment, without a copy', async () => {
  const tf = await cpuBackend();
  const attachment = f32(1, 2);
  const { x } = toTensors(tf, { x: describe('float32', [2], 8) }, attachment);
  assert.equal((await x.data()).buffer, attachment.buffer);
  const fetched = await fetchTensors({ x });
  assert.equal(encodeTensors(fetched).chunks[0].buffer, attachment.buffer);
});

test('values in another type of array are sent in the type of the dtype', () => {
  const fetched = { b: { dtype: 'bool', shape: [2], values: [true, false] } };
  assert.deepEqual([...encodeTensors(fetched).chunks[0]], [1, 0]);
});

test('a tensor whose values do not fill its shape is an error, not other numbers', () => {
  const fetched = { x: { dtype: 'float32', shape: [3], values: Float32Array.of(1) } };
  assert.throws(() => encodeTensors(fetched), /"x" has the shape \[3\], and 1 values instead of 3/);
});

test('descriptors that do not fit the attachment are refused by name', () => {
  const attachment = new Uint8Array(16);
  for (const [descriptor, complaint] of [
    [describe('float32', [2], 8, 4), /"x" \(float32\[2\]\): its offset 4/],
    [describe('float32', [2], 8, 16), /bytes 16 to 24 of an attachment of 16/],
    [describe('complex64', [2], 8), /needs 16 bytes, has 8/],
  ]) {
    assert.throws(() => checkDescriptors({ x: descriptor }, attachment), complaint);
  }
});

test('strings that overrun their bytes are refused', async () => {
  const tf = await cpuBackend();
  const attachment = Uint8Array.of(9, 0, 0, 0, 65);
  for (const shape of [[1], [2], [0]]) {
    assert.throws(
      () => toTensors(tf, { s: describe('string', shape, 5) }, attachment),
      /its 5 bytes are not \d length-prefixed strings/,
    );
  }
});
