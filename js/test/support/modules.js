/** TensorFlow.js from the directory that TFJS_VERIFY_MODULES names: js/ has no node_modules. */
import { createRequire } from 'node:module';
import path from 'node:path';

export const MODULES = process.env.TFJS_VERIFY_MODULES;

if (!MODULES) {
  throw new Error('set TFJS_VERIFY_MODULES to a directory that has our node_modules');
}

export const require = createRequire(path.resolve(MODULES, 'package.json'));

/** TensorFlow.js on the cpu backend, in this process. */
export async function cpuBackend() {
  const tf = require('@tensorflow/tfjs');
  await tf.setBackend('cpu');
  return tf;
}
