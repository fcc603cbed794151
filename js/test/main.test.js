/** The whole process, on every backend. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createValidator, readContract } from '../src/contract.js';
import { node, placeholder, withDirectory, writeGraph } from './support/artifacts.js';
import { MODULES, require } from './support/modules.js';
import { withSide } from './support/process.js';

const contract = readContract();
const validate = createValidator(contract, require('ajv'));
const X = { x: { dtype: 'float32', shape: [2], offset: 0, byteLength: 8 } };
const ATTACHMENT = Buffer.from(Float32Array.of(-1, 2).buffer);

/** The result of a call, which must fit its schema. */
async function resultOf(side, method, params, attachment) {
  const { message, attachment: attached } = await side.call(method, params, attachment);
  assert.equal(message.error, undefined, message.error?.data.stack);
  assert.equal(validate(method, 'result', message.result), null);
  return { ...message.result, attached };
}

async function errorOf(side, method, params, attachment) {
  return (await side.call(method, params, attachment)).message.error;
}

const initialize = (side, backend, extensions = []) =>
  resultOf(side, 'initialize', { contract: contract.hash, backend, extensions });

for (const [backend, registered] of [
  ['cpu', 'cpu'],
  ['wasm', 'wasm'],
  ['node', 'tensorflow'],
]) {
  test(`${backend}: a model is loaded, run, timed and disposed of`, () =>
    withSide(async (side) => {
      const started = await initialize(side, backend);
      assert.equal(started.backend, registered);
      assert.equal(started.versions.node, process.versions.node);
      assert.equal(started.versions.tfjs, '4.22.0');
      if (backend === 'wasm') assert.deepEqual(started.features, { simd: true, threads: 1 });
      if (backend === 'node') assert.match(started.versions.tensorflow, /^2\.\d+\.\d+/);
      assert.ok((await resultOf(side, 'kernels')).kernels.includes('Relu'));

      await withDirectory(async (directory) => {
        const path = writeGraph(directory, [placeholder('x'), node('y', 'Relu', ['x'])]);
        const { model, outputs } = await resultOf(side, 'loadModel', { path, format: 'graph' });
        const names = outputs.map(({ name }) => name);
        const { attached } = await resultOf(
          side,
          'predict',
          { model, inputs: X, outputs: names },
          ATTACHMENT,
        );
        assert.deepEqual([attached.readFloatLE(0), attached.readFloatLE(4)], [0, 2]);
        const plan = { warmup: 1, repetitions: 2, budgetMs: 1000 };
        const { samplesMs } = await resultOf(
          side,
          'time',
          { model, inputs: X, outputs: names, ...plan },
          ATTACHMENT,
        );
        assert.equal(samplesMs.length, 2);
        await resultOf(side, 'disposeModel', { model });
        assert.equal((await resultOf(side, 'memory')).tensors, 0);
      });
      await resultOf(side, 'shutdown');
      assert.equal(await side.exited, 0);
    }));
}

const EXTENSION = `
  export function register(tf) {
    console.log('printed by console.log');
    process.stdout.write('printed to process.stdout');
    tf.registerOp('Stray', ({ inputs }) => {
      Promise.reject(new Error('nobody caught this'));
      return inputs[0].neg();
    });
    tf.registerOp('Late', () => new Promise(() => {
      setTimeout(() => { throw new Error('thrown out of a timer'); }, 1);
    }));
    tf.registerOp('Never', () => new Promise(() => {}));
    tf.registerOp('Fine', ({ inputs }) => tf.neg(inputs[0]));
    tf.registerOp('Spin', () => { for (;;); });
  }
`;

/** A process with the extension above and one graph per op of it. */
async function withExtension(body) {
  await withDirectory(async (directory) => {
    const extension = path.join(directory, 'extension.mjs');
    fs.writeFileSync(extension, EXTENSION);
    await withSide(async (side) => {
      await initialize(side, 'cpu', [extension]);
      const predict = async (op, call = resultOf) => {
        const file = writeGraph(directory, [placeholder('x'), node('y', op, ['x'])]);
        const { model } = await resultOf(side, 'loadModel', { path: file, format: 'graph' });
        return call(side, 'predict', { model, inputs: X, outputs: ['y'] }, ATTACHMENT);
      };
      await body(side, predict);
    });
  });
}

test('what JavaScript prints goes to stderr, and custom ops run', () =>
  withExtension(async (side, predict) => {
    assert.equal((await predict('Fine')).attached.readFloatLE(0), 1);
    assert.equal(await side.end(), 0);
    assert.match(side.stderr, /printed by console\.log/);
    assert.match(side.stderr, /printed to process\.stdout/);
  }));

for (const [op, message] of [
  ['Stray', 'nobody caught this'],
  ['Late', 'thrown out of a timer'],
  ['Never', 'nothing is left to run, yet there is no result'],
]) {
  test(`"${message}" fails its request, and the process goes on`, () =>
    withExtension(async (side, predict) => {
      assert.equal((await predict(op, errorOf)).message, message);
      assert.equal((await resultOf(side, 'echo', { tensors: X }, ATTACHMENT)).attached.length, 8);
      assert.equal(await side.end(), 0);
    }));
}

test('a process that computes for ever ends soon after its parent', async () => {
  await withDirectory(async (directory) => {
    const extension = path.join(directory, 'extension.mjs');
    fs.writeFileSync(extension, EXTENSION);
    const file = writeGraph(directory, [placeholder('x'), node('y', 'Spin', ['x'])]);
    const support = fileURLToPath(new URL('./support/process.js', import.meta.url));
    const parent = spawn(process.execPath, [
      '--input-type=module',
      '--eval',
      `
      import { NodeSide } from ${JSON.stringify(support)};
      const side = new NodeSide();
      await side.call('initialize', ${JSON.stringify({ contract: contract.hash, backend: 'cpu', extensions: [extension] })});
      await side.call('loadModel', ${JSON.stringify({ path: file, format: 'graph' })});
      side.call('predict', { model: 1, inputs: ${JSON.stringify(X)}, outputs: ['y'] }, Buffer.alloc(8));
      console.log(side.child.pid);
    `,
    ]);
    const [line] = await new Promise((resolve) => parent.stdout.once('data', (b) => resolve([b])));
    const pid = Number(line);
    await new Promise((resolve) => setTimeout(resolve, 300));
    parent.kill('SIGKILL');
    const deadline = Date.now() + 5000;
    while (isAlive(pid) && Date.now() < deadline) await new Promise((r) => setTimeout(r, 100));
    assert.ok(!isAlive(pid));
  });
});

function isAlive(pid) {
  try {
    // A zombie is dead, and stays listed where nobody waits for it.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('packages that are not there make no backend, with the cause', async () => {
  await withDirectory(async (directory) => {
    fs.mkdirSync(path.join(directory, 'node_modules'));
    const ajv = path.resolve(MODULES, 'node_modules');
    for (const name of fs.readdirSync(ajv)) {
      if (name === '@tensorflow') continue;
      fs.symlinkSync(path.join(ajv, name), path.join(directory, 'node_modules', name));
    }
    await withSide(
      async (side) => {
        const error = await errorOf(side, 'initialize', {
          contract: contract.hash,
          backend: 'wasm',
        });
        assert.equal(error.code, 1002);
        assert.match(error.message, /backend "wasm": Cannot find module '@tensorflow\/tfjs'/);
      },
      ['--modules', directory],
    );
  });
});

test('without --modules it says what it wants', () =>
  withSide(async (side) => {
    assert.equal(await side.exited, 1);
    assert.match(side.stderr, /--modules DIR is required/);
  }, []));
