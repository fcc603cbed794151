/** Tensors on the wire: descriptors and the bytes of the attachment that they point into. */
import { RpcError } from './rpc/errors.js';

const ALIGNMENT = 8;
const PADDING = new Uint8Array(ALIGNMENT);
const LENGTH_PREFIX = 4;

/** The typed array that TensorFlow.js holds each dtype in; complex64 is interleaved. */
const ARRAYS = {
  float32: Float32Array,
  int32: Int32Array,
  bool: Uint8Array,
  complex64: Float32Array,
};

/** Elements of the typed array per element of the tensor. */
const ARRAY_ELEMENTS = { float32: 1, int32: 1, bool: 1, complex64: 2 };

/**
 * @typedef {object} Descriptor
 * @property {'float32' | 'int32' | 'bool' | 'complex64' | 'string'} dtype
 * @property {number[]} shape
 * @property {number} offset
 * @property {number} byteLength
 *
 * @typedef {Float32Array | Int32Array | Uint8Array | Uint8Array[]} Values
 *
 * @typedef {object} Fetched what `tensor.data()` gave, with what is needed to send it
 * @property {string} dtype
 * @property {number[]} shape
 * @property {Values} values
 */

/**
 * Checks that every descriptor fits the attachment that came with it.
 * @param {Record<string, Descriptor>} descriptors
 * @param {Uint8Array} attachment
 */
export function checkDescriptors(descriptors, attachment) {
  for (const [name, { dtype, shape, offset, byteLength }] of Object.entries(descriptors)) {
    const complain = (what) => {
      throw new RpcError('InvalidParams', `tensor "${name}" (${dtype}[${shape}]): ${what}`);
    };
    if (offset % ALIGNMENT !== 0) complain(`its offset ${offset} is no multiple of ${ALIGNMENT}`);
    if (offset + byteLength > attachment.byteLength) {
      complain(
        `bytes ${offset} to ${offset + byteLength} of an attachment of ${attachment.byteLength}`,
      );
    }
    if (dtype === 'string') continue;
    const expected = sizeOf(shape) * ARRAY_ELEMENTS[dtype] * ARRAYS[dtype].BYTES_PER_ELEMENT;
    if (byteLength !== expected) complain(`needs ${expected} bytes, has ${byteLength}`);
  }
}

/**
 * Tensors of TensorFlow.js that look at the attachment's memory, keyed by name.
 *
 * The caller has an engine scope open, which disposes them.
 * @param {any} tf
 * @param {Record<string, Descriptor>} descriptors
 * @param {Uint8Array} attachment
 */
export function toTensors(tf, descriptors, attachment) {
  checkDescriptors(descriptors, attachment);
  return Object.fromEntries(
    Object.entries(descriptors).map(([name, descriptor]) => [
      name,
      toTensor(tf, name, descriptor, attachment),
    ]),
  );
}

function toTensor(tf, name, { dtype, shape, offset, byteLength }, attachment) {
  if (dtype === 'string') {
    const bytes = attachment.subarray(offset, offset + byteLength);
    return tf.tensor(splitStrings(bytes, sizeOf(shape), name), shape, 'string');
  }
  const ArrayType = ARRAYS[dtype];
  const values = new ArrayType(
    attachment.buffer,
    attachment.byteOffset + offset,
    byteLength / ArrayType.BYTES_PER_ELEMENT,
  );
  if (dtype !== 'complex64') return tf.tensor(values, shape, dtype);
  const real = values.filter((_, index) => index % 2 === 0);
  const imaginary = values.filter((_, index) => index % 2 === 1);
  return tf.complex(tf.tensor(real, shape, 'float32'), tf.tensor(imaginary, shape, 'float32'));
}

/**
 * The values of tensors, as soon as the backend has computed them.
 * @param {Record<string, any>} tensors
 * @returns {Promise<Record<string, Fetched>>}
 */
export async function fetchTensors(tensors) {
  const entries = Object.entries(tensors).map(async ([name, tensor]) => {
    const { dtype, shape } = tensor;
    // bytes() alone leaves strings as they are; data() would decode them as UTF-8.
    const values = dtype === 'string' ? await tensor.bytes() : await tensor.data();
    return [name, { dtype, shape, values }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * Fetched tensors as descriptors and the chunks of one attachment, without a copy.
 * @param {Record<string, Fetched>} fetched
 * @returns {{descriptors: Record<string, Descriptor>, chunks: Uint8Array[]}}
 */
export function encodeTensors(fetched) {
  const descriptors = {};
  const chunks = [];
  let offset = 0;
  for (const [name, { dtype, shape, values }] of Object.entries(fetched)) {
    const bytes = toBytes(name, dtype, shape, values);
    descriptors[name] = { dtype, shape, offset, byteLength: bytes.byteLength };
    const padding = -bytes.byteLength & (ALIGNMENT - 1);
    chunks.push(bytes, PADDING.subarray(0, padding));
    offset += bytes.byteLength + padding;
  }
  return { descriptors, chunks };
}

/** @returns {Uint8Array} */
function toBytes(name, dtype, shape, values) {
  if (dtype === 'string') return joinStrings(values);
  const ArrayType = ARRAYS[dtype];
  if (ArrayType === undefined) {
    throw new RpcError('ExecutionFailed', `tensor "${name}" has the dtype ${dtype}: no wire form`);
  }
  // Some kernels give an array of another type than their tensor's dtype says.
  const array = values instanceof ArrayType ? values : ArrayType.from(values);
  const expected = sizeOf(shape) * ARRAY_ELEMENTS[dtype];
  if (array.length !== expected) {
    throw new RpcError(
      'ExecutionFailed',
      `tensor "${name}" has the shape [${shape}], and ${array.length} values instead of ${expected}`,
    );
  }
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Cuts length-prefixed strings apart. */
function splitStrings(bytes, count, name) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings = [];
  let position = 0;
  while (strings.length < count && position + LENGTH_PREFIX <= bytes.byteLength) {
    const start = position + LENGTH_PREFIX;
    position = start + view.getUint32(position, true);
    strings.push(bytes.subarray(start, position));
  }
  if (strings.length !== count || position !== bytes.byteLength) {
    throw new RpcError(
      'InvalidParams',
      `tensor "${name}": its ${bytes.byteLength} bytes are not ${count} length-prefixed strings`,
    );
  }
  return strings;
}

/** @param {Uint8Array[]} strings */
function joinStrings(strings) {
  const total = strings.reduce((sum, string) => sum + LENGTH_PREFIX + string.length, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let position = 0;
  for (const string of strings) {
    view.setUint32(position, string.length, true);
    bytes.set(string, position + LENGTH_PREFIX);
    position += LENGTH_PREFIX + string.length;
  }
  return bytes;
}

/** @param {number[]} shape */
function sizeOf(shape) {
  return shape.reduce((size, dimension) => size * dimension, 1);
}
