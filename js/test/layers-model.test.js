import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileHandler } from '../src/artifact.js';
import { LayersModel } from '../src/layers-model.js';
import { withDirectory, writeLayers } from './support/artifacts.js';
import { cpuBackend } from './support/modules.js';

/** Two inputs and two outputs, with names in no alphabetical order. */
function makeModel(tf) {
  const z = tf.input({ shape: [2], name: 'z' });
  const a = tf.input({ shape: [2], name: 'a' });
  const sum = tf.layers.add({ name: 'sum' }).apply([z, a]);
  const scaled = tf.layers.dense({ units: 1, name: 'scaled', kernelInitializer: 'ones' }).apply(z);
  return tf.model({ inputs: [z, a], outputs: [sum, scaled] });
}

async function withModel(body) {
  const tf = await cpuBackend();
  await withDirectory(async (directory) => {
    const file = await writeLayers(tf, directory, makeModel(tf));
    await body(await LayersModel.load(tf, fileHandler(tf, file, 'layers')), tf);
  });
}

test('inputs and outputs have the names of their layers, in the order of the model', () =>
  withModel((model) => {
    assert.deepEqual(
      model.inputs.map(({ name, shape }) => [name, shape]),
      [
        ['z', [null, 2]],
        ['a', [null, 2]],
      ],
    );
    assert.deepEqual(
      model.outputs.map(({ name }) => name),
      ['sum', 'scaled'],
    );
  }));

test('tensors are matched by name, whatever their order', () =>
  withModel(async (model, tf) => {
    const inputs = { a: tf.tensor2d([[1, 2]]), z: tf.tensor2d([[10, 20]]) };
    const { scaled, sum } = await model.run(inputs, ['scaled', 'sum']);
    assert.deepEqual(await sum.array(), [[11, 22]]);
    assert.deepEqual(await scaled.array(), [[30]]);
    assert.deepEqual(Object.keys(await model.run(inputs, ['scaled'])), ['scaled']);
  }));

test('unknown and missing names are told with the known ones', () =>
  withModel(async (model, tf) => {
    const x = tf.tensor2d([[1, 2]]);
    await assert.rejects(model.run({ z: x, q: x }, ['sum']), /no input "q"; it has z, a/);
    await assert.rejects(model.run({ z: x, a: x }, ['q']), /no output "q"; it has sum, scaled/);
    await assert.rejects(model.run({ z: x }, ['sum']), /input "a" is missing/);
  }));

test('several outputs of one layer are told apart', async () => {
  const tf = await cpuBackend();
  const x = tf.input({ shape: [3, 2], name: 'x' });
  const outputs = tf.layers.simpleRNN({ units: 2, returnState: true, name: 'rnn' }).apply(x);
  const model = new LayersModel(tf.model({ inputs: x, outputs }));
  assert.deepEqual(
    model.outputs.map(({ name }) => name),
    ['rnn', 'rnn:1'],
  );
});
