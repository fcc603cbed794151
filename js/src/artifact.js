/** TensorFlow.js model files on disk, as the IOHandler that TensorFlow.js loads models through. */
import fs from 'node:fs';
import path from 'node:path';
import { RpcError } from './rpc/errors.js';

const FORMATS = { graph: 'graph-model', layers: 'layers-model' };
const BYTES = { float32: 4, int32: 4, bool: 1, complex64: 8, uint8: 1, uint16: 2, float16: 2 };

/**
 * @param {any} tf
 * @param {string} file absolute path of model.json
 * @param {'graph' | 'layers'} format
 */
export function fileHandler(tf, file, format) {
  return {
    load() {
      const model = readModelJson(file, format);
      return tf.io.getModelArtifactsForJSON(model, async (manifest) => [
        tf.io.getWeightSpecs(manifest),
        readShards(path.dirname(file), manifest),
      ]);
    },
  };
}

function readModelJson(file, format) {
  const text = reading(file, () => fs.readFileSync(file, 'utf8'));
  let model;
  try {
    model = JSON.parse(text);
  } catch (error) {
    throw RpcError.from('LoadFailed', error, `${file} is no valid JSON`);
  }
  if (!model?.modelTopology || !Array.isArray(model.weightsManifest)) {
    throw new RpcError('LoadFailed', `${file} has no "modelTopology" or no "weightsManifest"`);
  }
  if (model.format && model.format !== FORMATS[format]) {
    throw new RpcError(
      'LoadFailed',
      `${file} says that it is a ${model.format}, not a ${FORMATS[format]}`,
    );
  }
  return model;
}

/** All shards in one buffer, each group checked against what its weights need. */
function readShards(directory, manifest) {
  const shards = [];
  for (const { paths, weights } of manifest) {
    const group = paths.map((name) => {
      const file = path.join(directory, name);
      return { file, size: reading(file, () => fs.statSync(file).size) };
    });
    const got = group.reduce((sum, { size }) => sum + size, 0);
    const expected = weights.reduce((sum, spec) => sum + weightBytes(spec), 0);
    if (!Number.isNaN(expected) && got !== expected) {
      throw new RpcError(
        'LoadFailed',
        `the weights in ${paths.join(', ')} of ${directory} need ${expected} bytes, ` +
          `the files have ${got}`,
      );
    }
    shards.push(...group);
  }
  const all = new Uint8Array(shards.reduce((sum, { size }) => sum + size, 0));
  let offset = 0;
  for (const { file, size } of shards) {
    reading(file, () => readInto(file, all.subarray(offset, offset + size)));
    offset += size;
  }
  return all.buffer;
}

/** Fills `target` from the start of the file. */
function readInto(file, target) {
  const descriptor = fs.openSync(file, 'r');
  try {
    for (let filled = 0; filled < target.length; ) {
      const count = fs.readSync(descriptor, target, filled, target.length - filled, null);
      if (count === 0) throw new Error(`${file} ended after ${filled} of ${target.length} bytes`);
      filled += count;
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

/** NaN for strings, whose length only their bytes tell. */
function weightBytes({ dtype, shape, quantization }) {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return size * (BYTES[quantization?.dtype ?? dtype] ?? Number.NaN);
}

/** What `body` reads from the file. */
function reading(file, body) {
  try {
    return body();
  } catch (error) {
    throw RpcError.from('LoadFailed', error, `cannot read ${file}`);
  }
}
