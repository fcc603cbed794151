import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Models } from '../src/models.js';
import { node, placeholder, withDirectory, writeGraph } from './support/artifacts.js';
import { cpuBackend } from './support/modules.js';

const X = { x: { dtype: 'float32', shape: [2], offset: 0, byteLength: 8 } };
const ATTACHMENT = new Uint8Array(Float32Array.of(1, 2).buffer);
const PLAN = { warmup: 2, repetitions: 3, budgetMs: 60_000 };

async function withModels(body) {
  const tf = await cpuBackend();
  await withDirectory(async (directory) => {
    const nodes = [placeholder('x'), node('y', 'Mul', ['x', 'c']), node('z', 'Teleport', ['y'])];
    const file = writeGraph(directory, nodes, { constants: { c: [3, 4] } });
    const models = new Models(tf, { extended: false });
    const load = async () => (await models.load(file, 'graph')).model;
    await body(models, load, () => tf.memory().numTensors);
  });
}

test('predictions leave no tensor behind, failed ones included', () =>
  withModels(async (models, load, count) => {
    const before = count();
    const model = await load();
    const loaded = count();
    for (let round = 0; round < 3; round += 1) {
      const { fetched, attachmentIsFree } = await models.predict(model, X, ATTACHMENT, ['y']);
      assert.deepEqual([...fetched.y.values], [3, 8]);
      assert.ok(attachmentIsFree);
      await assert.rejects(models.predict(model, X, ATTACHMENT, ['y', 'z']), /Teleport/);
      await models.time(model, X, ATTACHMENT, ['y'], PLAN);
      assert.equal(count(), loaded);
    }
    models.dispose(model);
    assert.equal(count(), before);
  }));

test('handles are never given again', () =>
  withModels(async (models, load) => {
    const first = await load();
    models.dispose(first);
    assert.notEqual(await load(), first);
    assert.throws(() => models.dispose(first), { kind: 'UnknownModel' });
  }));

test('the first prediction is reported once, whoever makes it', () =>
  withModels(async (models, load) => {
    const model = await load();
    const first = await models.time(model, X, ATTACHMENT, ['y'], PLAN);
    assert.equal(typeof first.firstMs, 'number');
    assert.equal(first.samplesMs.length, 3);
    assert.equal((await models.time(model, X, ATTACHMENT, ['y'], PLAN)).firstMs, null);
    const other = await load();
    await models.predict(other, X, ATTACHMENT, ['y']);
    assert.equal((await models.time(other, X, ATTACHMENT, ['y'], PLAN)).firstMs, null);
  }));

test('a spent budget still gives one sample', () =>
  withModels(async (models, load) => {
    const model = await load();
    const plan = { warmup: 1e9, repetitions: 1e9, budgetMs: 0.001 };
    const { firstMs, samplesMs } = await models.time(model, X, ATTACHMENT, ['y'], plan);
    assert.ok(firstMs > 0);
    assert.equal(samplesMs.length, 1);
  }));
