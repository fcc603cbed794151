import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { loadExtensions } from '../src/extensions.js';
import { withDirectory } from './support/artifacts.js';
import { cpuBackend, require } from './support/modules.js';

async function load(source) {
  const tf = await cpuBackend();
  return withDirectory(async (directory) => {
    const file = path.join(directory, 'extension.mjs');
    fs.writeFileSync(file, source);
    await loadExtensions([file], tf, require);
    return tf;
  });
}

test('a custom op, a layer and a kernel each count', async () => {
  await load("export const register = (tf) => tf.registerOp('Mine', () => tf.scalar(1));");
  await load(`export async function register(tf) {
    class Mine extends tf.layers.Layer { static className = 'Mine'; }
    tf.serialization.registerClass(Mine);
  }`);
  await load(`export function register(tf) {
    tf.registerKernel({ kernelName: 'Mine', backendName: 'cpu', kernelFunc: () => {} });
  }`);
  await load("export function register(tf) { tf.registerOp('Mine', () => tf.scalar(2)); }");
});

test('what goes wrong is told with the file', async () => {
  for (const [source, complaint] of [
    ['export const other = 1;', /extension\.mjs: exports no function "register"/],
    ['export function register() {}', /registered no op, no layer and no kernel/],
    ["export function register() { throw new Error('boom'); }", /register\(tf\) threw: boom/],
    ["export async function register() { throw new Error('boom'); }", /register\(tf\) threw: boom/],
    ["import 'no-such-package';", /cannot be imported: .*no-such-package/],
    ['export function', /cannot be imported: /],
  ]) {
    await assert.rejects(load(source), (error) => {
      assert.equal(error.kind, 'ExtensionFailed');
      assert.match(error.message, complaint);
      return true;
    });
  }
});
