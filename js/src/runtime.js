/** What `initialize` brings to life: TensorFlow.js on one backend, and its models. */
import { loadBackend, startBackend } from './backends.js';
import { loadExtensions } from './extensions.js';
import { Models } from './models.js';

/**
 * @param {string} backend
 * @param {string[]} extensions absolute paths
 * @param {NodeRequire} require rooted where the packages are installed
 */
export async function startRuntime(backend, extensions, require) {
  const tf = loadBackend(backend, require);
  await loadExtensions(extensions, tf, require);
  const description = await startBackend(backend, tf, require);
  return { tf, models: new Models(tf, { extended: extensions.length > 0 }), description };
}
