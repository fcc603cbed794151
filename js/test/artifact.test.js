import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Models } from '../src/models.js';
import { node, placeholder, withDirectory, writeGraph } from './support/artifacts.js';
import { cpuBackend } from './support/modules.js';

/** Writes a good graph, lets `spoil` loose on its directory, and gives the error of loading it. */
async function loadSpoilt(spoil, format = 'graph') {
  const tf = await cpuBackend();
  const before = tf.memory().numTensors;
  return withDirectory(async (directory) => {
    const nodes = [placeholder('x'), node('y', 'Add', ['x', 'c'])];
    const file = writeGraph(directory, nodes, { constants: { c: [1, 2] } });
    spoil(directory, file);
    const error = await new Models(tf, { extended: false }).load(file, format).catch((e) => e);
    assert.equal(error.kind, 'LoadFailed', error.stack);
    assert.equal(tf.memory().numTensors, before, 'nothing is left of it');
    return error.message;
  });
}

test('a missing shard is named', async () => {
  const message = await loadSpoilt((directory) => fs.rmSync(path.join(directory, 'weights.bin')));
  assert.match(message, /cannot read .*tfjs verify .*weights\.bin: ENOENT/);
});

test('a shard of another size is named, with both sizes', async () => {
  for (const size of [7, 9, 0]) {
    const message = await loadSpoilt((directory) =>
      fs.writeFileSync(path.join(directory, 'weights.bin'), Buffer.alloc(size)),
    );
    assert.match(message, new RegExp(`weights\\.bin of .* need 8 bytes, the files have ${size}`));
  }
});

test('model.json that is missing, cut short or something else', async () => {
  assert.match(await loadSpoilt((_, file) => fs.rmSync(file)), /cannot read .*model\.json: ENOENT/);
  assert.match(
    await loadSpoilt((_, file) => fs.truncateSync(file, 100)),
    /model\.json is no valid JSON: /,
  );
  assert.match(
    await loadSpoilt((_, file) => fs.writeFileSync(file, '{}')),
    /model\.json has no "modelTopology" or no "weightsManifest"/,
  );
  assert.match(await loadSpoilt(() => {}, 'layers'), /is a graph-model, not a layers-model/);
});

test('a graph that TensorFlow.js refuses gives its own message', async () => {
  const message = await loadSpoilt((_, file) => {
    const model = JSON.parse(fs.readFileSync(file));
    model.modelTopology.node[1].input = ['nowhere'];
    fs.writeFileSync(file, JSON.stringify(model));
  });
  assert.match(message, /undefined/);
});
