import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileHandler } from '../src/artifact.js';
import { GraphModel } from '../src/graph-model.js';
import { node, placeholder, withDirectory, writeGraph } from './support/artifacts.js';
import { cpuBackend } from './support/modules.js';

const INTEGER = { Tindices: { type: 'DT_INT32' } };

/** Loads a graph, runs the body with a function that gives the outputs' values as arrays. */
async function withGraph(nodes, options, body) {
  const tf = await cpuBackend();
  await withDirectory(async (directory) => {
    const file = writeGraph(directory, nodes, options);
    const model = await GraphModel.load(tf, fileHandler(tf, file, 'graph'));
    const run = async (inputs, outputs) => {
      const results = await model.run(inputs, outputs);
      return Object.fromEntries(
        await Promise.all(Object.entries(results).map(async ([k, t]) => [k, await t.array()])),
      );
    };
    await body(model, run, tf);
  });
}

const info = (name, dtype = 'DT_FLOAT', tensorShape = { dim: [{ size: '-1' }] }) => ({
  name,
  dtype,
  tensorShape,
});

test('a graph without a signature has its placeholders and its last nodes', () =>
  withGraph([placeholder('x'), node('y', 'Relu', ['x'])], {}, (model) => {
    assert.deepEqual(model.inputs, [{ name: 'x', key: null, dtype: 'float32', shape: null }]);
    assert.deepEqual(model.outputs, [{ name: 'y', key: null, dtype: 'float32', shape: null }]);
  }));

test('a signature gives keys, dtypes and shapes, also for two outputs of one node', () => {
  const split = node('split', 'Split', ['axis', 'x'], {
    T: { type: 'DT_FLOAT' },
    num_split: { i: '2' },
  });
  const signature = {
    inputs: { values: info('x:0', 'DT_HALF', { unknownRank: true }) },
    outputs: { right: info('split:1'), left: info('split:0', 1, {}) },
  };
  return withGraph(
    [placeholder('x'), split],
    { constants: { axis: 0 }, signature },
    async (model, run, tf) => {
      assert.deepEqual(model.inputs, [{ name: 'x', key: 'values', dtype: 'float32', shape: null }]);
      assert.deepEqual(model.outputs, [
        { name: 'split:1', key: 'right', dtype: 'float32', shape: [null] },
        { name: 'split', key: 'left', dtype: 'float32', shape: [] },
      ]);
      const result = await run({ x: tf.tensor1d([1, 2, 3, 4]) }, ['split:1', 'split', 'split:0']);
      assert.deepEqual(result, { 'split:1': [3, 4], split: [1, 2], 'split:0': [1, 2] });
    },
  );
});

test('a name is that of a node, also where a key of the signature has the same text', () => {
  const signature = {
    inputs: { a: info('b:0'), b: info('a:0') },
    outputs: {
      negated: info('halved:0'),
      halved: info('negated:0'),
      'negated:0': info('halved:0'),
    },
  };
  const nodes = [
    placeholder('a'),
    placeholder('b'),
    node('negated', 'Neg', ['a']),
    node('halved', 'Mul', ['b', 'half']),
  ];
  return withGraph(nodes, { constants: { half: 0.5 }, signature }, async (_, run, tf) => {
    const inputs = { a: tf.scalar(8), b: tf.scalar(100) };
    assert.deepEqual(await run(inputs, ['negated', 'halved']), { negated: -8, halved: 50 });
  });
});

test('any node can be fed: several outputs of one, and one of another dtype than its attribute', () => {
  const nodes = [
    placeholder('x'),
    node('split', 'Split', ['axis', 'x'], { T: { type: 'DT_FLOAT' }, num_split: { i: '2' } }),
    node('greater', 'Greater', ['split', 'split:1']),
    node('chosen', 'SelectV2', ['greater', 'split', 'split:1']),
  ];
  return withGraph(nodes, { constants: { axis: 0 } }, async (_, run, tf) => {
    const whole = { x: tf.tensor1d([1, 5, 3, 4]) };
    const [left, right] = [tf.tensor1d([1, 1]), tf.tensor1d([0, 2])];
    assert.deepEqual(await run(whole, ['chosen']), { chosen: [3, 5] });
    assert.deepEqual(await run({ split: left, 'split:1': right }, ['chosen', 'split:1']), {
      chosen: [1, 2],
      'split:1': [0, 2],
    });
    const greater = tf.tensor1d([0, 1], 'bool');
    assert.deepEqual(await run({ ...whole, greater }, ['chosen']), { chosen: [3, 5] });
    assert.deepEqual(await run({ ...whole, greater: tf.tensor1d([1, 0], 'bool') }, ['chosen']), {
      chosen: [1, 4],
    });
    assert.deepEqual(await run(whole, ['chosen']), { chosen: [3, 5] }, 'nothing stays fed');
  });
});

test('an input and a constant can be asked for, and are not lost by it', () =>
  withGraph(
    [placeholder('x'), node('y', 'Mul', ['x', 'two'])],
    { constants: { two: 2 } },
    async (_, run, tf) => {
      for (const _round of [1, 2]) {
        tf.engine().startScope();
        const result = await run({ x: tf.scalar(4) }, ['x', 'two', 'y']);
        tf.engine().endScope();
        assert.deepEqual(result, { x: 4, two: 2, y: 8 });
      }
    },
  ));

test('ops of dynamic shape run without being told to', () =>
  withGraph(
    [placeholder('x'), node('where', 'Where', ['x']), node('y', 'Neg', ['x'])],
    {},
    async (_, run, tf) => {
      const inputs = { x: tf.tensor1d([0, 3, 0, 5]) };
      assert.deepEqual(await run(inputs, ['where']), { where: [[1], [3]] });
      assert.deepEqual(await run(inputs, ['where']), { where: [[1], [3]] });
      assert.deepEqual(await run(inputs, ['y']), { y: [-0, -3, -0, -5] });
    },
  ));

test('unknown nodes, missing inputs and missing outputs are named', () =>
  withGraph([placeholder('x'), node('y', 'Neg', ['x'])], {}, async (_, run, tf) => {
    const x = tf.scalar(1);
    await assert.rejects(run({ x }, ['z']), /the graph has no node "z"/);
    await assert.rejects(run({ x }, ['constructor']), /the graph has no node "constructor"/);
    await assert.rejects(run({ x, q: x }, ['y']), /the graph has no node "q"/);
    await assert.rejects(run({ x }, ['y:3']), /computed no tensor "y:3"/);
    await assert.rejects(run({}, ['y']), /Missing the following inputs: \[x\]/);
    assert.deepEqual(await run({ x }, []), {});
  }));

test('an op that TensorFlow.js does not know fails when it is reached', () =>
  withGraph([placeholder('x'), node('y', 'Teleport', ['x'], INTEGER)], {}, (_, run, tf) =>
    assert.rejects(run({ x: tf.scalar(1) }, ['y']), /Teleport/),
  ));
