/** Small models on disk, written for one test. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Runs the body with a new directory, whose name has a space in it. */
export async function withDirectory(body) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'tfjs verify '));
  try {
    return await body(directory);
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

/** A node of a graph; attributes are DT_FLOAT under "T" unless given. */
export function node(name, op, input = [], attr = { T: { type: 'DT_FLOAT' } }) {
  return { name, op, input, attr };
}

/** A float placeholder of unknown shape. */
export function placeholder(name, type = 'DT_FLOAT') {
  return node(name, 'Placeholder', [], {
    dtype: { type },
    shape: { shape: { unknownRank: true } },
  });
}

/** Writes a graph whose constants are scalars or vectors of float32; gives the path of model.json. */
export function writeGraph(directory, nodes, { constants = {}, ...rest } = {}) {
  const values = Object.values(constants).flat();
  fs.writeFileSync(
    path.join(directory, 'weights.bin'),
    new Uint8Array(Float32Array.from(values).buffer),
  );
  const file = path.join(directory, 'model.json');
  const names = Object.keys(constants);
  const consts = names.map((name) => node(name, 'Const', [], { dtype: { type: 'DT_FLOAT' } }));
  fs.writeFileSync(
    file,
    JSON.stringify({
      format: 'graph-model',
      modelTopology: { node: [...consts, ...nodes], versions: { producer: 1, minConsumer: 1 } },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: names.map((name) => ({
            name,
            dtype: 'float32',
            shape: Array.isArray(constants[name]) ? [constants[name].length] : [],
          })),
        },
      ],
      ...rest,
    }),
  );
  return file;
}

/** Writes a layers model as TensorFlow.js itself saves it; gives the path of model.json. */
export async function writeLayers(tf, directory, model) {
  const file = path.join(directory, 'model.json');
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const weightsManifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
      fs.writeFileSync(path.join(directory, 'weights.bin'), Buffer.from(weightData));
      fs.writeFileSync(
        file,
        JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }),
      );
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return file;
}
