/** User modules that register custom ops, layers or kernels: `export function register(tf)`. */
import { pathToFileURL } from 'node:url';
import { RpcError, messageOf } from './rpc/errors.js';

/**
 * Imports the modules one after the other and lets each register what it has.
 * @param {string[]} files absolute paths
 * @param {any} tf the instance that the models run on
 * @param {NodeRequire} require rooted where TensorFlow.js is installed
 */
export async function loadExtensions(files, tf, require) {
  for (const file of files) {
    const fail = (what, cause) => {
      throw new RpcError('ExtensionFailed', `${file}: ${what}`, { cause });
    };
    const module = await import(pathToFileURL(file).href).catch((error) =>
      fail(`cannot be imported: ${messageOf(error)}`, error),
    );
    if (typeof module.register !== 'function') fail('exports no function "register"');
    const registered = await countRegistrations(tf, require, async () => {
      try {
        await module.register(tf);
      } catch (error) {
        fail(`register(tf) threw: ${messageOf(error)}`, error);
      }
    });
    if (registered === 0) {
      fail('register(tf) registered no op, no layer and no kernel');
    }
  }
}

/**
 * How many ops, classes and kernels the body adds or replaces.
 *
 * Classes and kernels can be listed. Custom ops cannot, so `registerOp` is watched, in the package
 * that `tf.registerOp` is read from at every access.
 */
async function countRegistrations(tf, require, body) {
  const converter = require('@tensorflow/tfjs-converter');
  const { registerOp } = converter;
  let ops = 0;
  converter.registerOp = (...args) => {
    registerOp(...args);
    ops += 1;
  };
  const before = new Set(listRegistered(tf));
  try {
    await body();
  } finally {
    converter.registerOp = registerOp;
  }
  return ops + listRegistered(tf).filter((item) => !before.has(item)).length;
}

/** The registered classes, and the kernels of every backend that this process could use. */
function listRegistered(tf) {
  const classes = Object.values(tf.serialization.SerializationMap.getMap().classNameMap);
  const kernels = ['cpu', 'wasm', 'tensorflow'].flatMap((name) => tf.getKernelsForBackend(name));
  return [...classes.map(([cls]) => cls), ...kernels];
}
