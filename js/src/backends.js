/** The three backends. A process loads one of them, once. */
import path from 'node:path';
import { RpcError, messageOf } from './rpc/errors.js';

/**
 * @typedef {object} Backend
 * @property {string} registered the name it has in TensorFlow.js
 * @property {(require: NodeRequire) => any} load requires the packages, gives `tf`
 * @property {(tf: any, require: NodeRequire) => Record<string, string>} versions
 * @property {(tf: any, require: NodeRequire) => object} features
 */

/** @type {Record<string, Backend>} */
const BACKENDS = {
  cpu: {
    registered: 'cpu',
    load: (require) => require('@tensorflow/tfjs'),
    versions: (tf) => ({ 'tfjs-backend-cpu': tf.version['tfjs-backend-cpu'] }),
    features: () => ({}),
  },
  wasm: {
    registered: 'wasm',
    load(require) {
      const tf = require('@tensorflow/tfjs');
      const entry = '@tensorflow/tfjs-backend-wasm';
      const binaries = path.dirname(require.resolve(entry)) + path.sep;
      require(entry).setWasmPaths(binaries);
      return tf;
    },
    versions: (_, require) => ({
      'tfjs-backend-wasm': require('@tensorflow/tfjs-backend-wasm').version_wasm,
    }),
    features: (tf, require) => ({
      simd: tf.env().getBool('WASM_HAS_SIMD_SUPPORT'),
      threads: require('@tensorflow/tfjs-backend-wasm').getThreadsCount(),
    }),
  },
  node: {
    registered: 'tensorflow',
    load(require) {
      restoreRemovedUtil(require('node:util'));
      return require('@tensorflow/tfjs-node');
    },
    versions: (tf) => ({
      'tfjs-node': tf.version['tfjs-node'],
      tensorflow: tf.backend().binding.TF_Version,
    }),
    features: () => ({}),
  },
};

/**
 * Requires a backend's packages. It does not run yet: kernels of extensions come first.
 * @param {string} name
 * @param {NodeRequire} require rooted where the packages are installed
 * @returns the `tf` that everything in this process shares
 */
export function loadBackend(name, require) {
  try {
    return BACKENDS[name].load(require);
  } catch (error) {
    throw RpcError.from('BackendUnavailable', error, `backend "${name}"`);
  }
}

/**
 * Makes a loaded backend the one that runs, and says what it is.
 * @param {string} name
 * @param {any} tf
 * @param {NodeRequire} require
 */
export async function startBackend(name, tf, require) {
  const { registered, versions, features } = BACKENDS[name];
  await withoutNewListeners(async () => {
    if (!(await tf.setBackend(registered))) {
      throw new RpcError(
        'BackendUnavailable',
        `backend "${name}": ${await whyNot(tf, registered)}`,
      );
    }
  });
  return {
    backend: tf.getBackend(),
    versions: {
      node: process.versions.node,
      tfjs: tf.version.tfjs,
      ...versions(tf, require),
    },
    features: features(tf, require),
  };
}

/** TensorFlow.js logs why a backend did not start and says no more; the factory tells. */
async function whyNot(tf, registered) {
  try {
    await tf.findBackendFactory(registered)();
  } catch (error) {
    return messageOf(error);
  }
  return 'TensorFlow.js did not start it';
}

/** tfjs-node 4.22 calls functions that `util` has no longer from Node 23 on. */
function restoreRemovedUtil(util) {
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

/**
 * Runs the body and takes away the process listeners that it left behind: Emscripten's module
 * throws every stray error again, which would end the process.
 */
async function withoutNewListeners(body) {
  const events = ['uncaughtException', 'unhandledRejection'];
  const before = new Map(events.map((event) => [event, process.listeners(event)]));
  try {
    await body();
  } finally {
    for (const event of events) {
      for (const listener of process.listeners(event)) {
        if (!before.get(event).includes(listener)) process.removeListener(event, listener);
      }
    }
  }
}
