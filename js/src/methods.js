/** The methods of the contract, one function each. */
import { RpcError } from './rpc/errors.js';
import { startRuntime } from './runtime.js';
import { checkDescriptors, encodeTensors } from './tensors.js';

/**
 * @param {object} options
 * @param {import('./contract.js').Contract} options.contract
 * @param {NodeRequire} options.require rooted where the packages are installed
 * @returns {Record<string, import('./rpc/server.js').Method>}
 */
export function createMethods({ contract, require }) {
  /** @type {Awaited<ReturnType<typeof startRuntime>> | null} */
  let started = null;

  const runtime = () => {
    if (started === null) throw new RpcError('InvalidRequest', '"initialize" comes first');
    return started;
  };

  return {
    async initialize({ contract: hash, backend, extensions = [] }) {
      if (hash !== contract.hash) {
        throw new RpcError(
          'ContractMismatch',
          `the caller read a contract with SHA-256 ${hash}, this process one with ${contract.hash}`,
        );
      }
      if (started !== null) {
        throw new RpcError('InvalidRequest', 'this process has its backend already');
      }
      started = await startRuntime(backend, extensions, require);
      return { result: { contract: contract.hash, ...started.description } };
    },

    kernels() {
      const { tf } = runtime();
      const kernels = tf.getKernelsForBackend(tf.getBackend()).map(({ kernelName }) => kernelName);
      return { result: { kernels: kernels.sort() } };
    },

    async loadModel({ path, format }) {
      return { result: await runtime().models.load(path, format) };
    },

    async predict({ model, inputs, outputs }, attachment) {
      const { fetched, attachmentIsFree } = await runtime().models.predict(
        model,
        inputs,
        attachment,
        outputs,
      );
      const { descriptors, chunks } = encodeTensors(fetched);
      return { result: { outputs: descriptors }, chunks, attachmentIsFree };
    },

    async time({ model, inputs, outputs, ...plan }, attachment) {
      return { result: await runtime().models.time(model, inputs, attachment, outputs, plan) };
    },

    memory() {
      const { numTensors, numBytes } = runtime().tf.memory();
      return {
        result: {
          tensors: numTensors,
          tensorBytes: numBytes,
          residentBytes: process.memoryUsage.rss(),
        },
      };
    },

    disposeModel({ model }) {
      runtime().models.dispose(model);
      return { result: {} };
    },

    echo({ tensors }, attachment) {
      checkDescriptors(tensors, attachment);
      return { result: { tensors }, chunks: [attachment], attachmentIsFree: true };
    },

    shutdown() {
      return { result: {}, last: true };
    },
  };
}
