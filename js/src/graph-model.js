/** A converted TensorFlow graph, of which every node can be fed and asked for. */
import { Feeds } from './feeds.js';
import { nodeOf, shortest } from './node-names.js';
import { RpcError } from './rpc/errors.js';

/** What TensorFlow.js makes of the dtypes that a signature can name (by name or enum number). */
const DTYPES = {
  DT_FLOAT: 'float32',
  1: 'float32',
  DT_DOUBLE: 'float32',
  2: 'float32',
  DT_INT32: 'int32',
  3: 'int32',
  DT_UINT8: 'int32',
  4: 'int32',
  DT_INT16: 'int32',
  5: 'int32',
  DT_INT8: 'int32',
  6: 'int32',
  DT_STRING: 'string',
  7: 'string',
  DT_COMPLEX64: 'complex64',
  8: 'complex64',
  DT_INT64: 'int32',
  9: 'int32',
  DT_BOOL: 'bool',
  10: 'bool',
  DT_BFLOAT16: 'float32',
  14: 'float32',
  DT_HALF: 'float32',
  19: 'float32',
};

/**
 * Ops whose executor returns a promise because it runs a function body. `execute` would find that
 * out half-way and leave the promise behind.
 */
const FUNCTION_OPS = new Set(['If', 'StatelessIf', 'While', 'StatelessWhile']);

/**
 * @typedef {object} Spec
 * @property {string} name a node, with ":k" for an output other than its first
 * @property {string | null} key the signature's name for it
 * @property {string} dtype
 * @property {(number | null)[] | null} shape
 */

export class GraphModel {
  #model;
  #nodes;
  #feeds;
  #runsFunctions;
  /** The (inputs, outputs) pairs that `execute` refused, because they need `executeAsync`. */
  #asynchronous = new Set();

  /**
   * @param {any} tf
   * @param {object} handler an IOHandler
   */
  static async load(tf, handler) {
    return new GraphModel(await tf.loadGraphModel(handler));
  }

  constructor(model) {
    this.#model = model;
    this.#nodes = model.executor.graph.nodes;
    this.#feeds = new Feeds(model.executor);
    this.#runsFunctions = Object.values(this.#nodes).some(({ op }) => FUNCTION_OPS.has(op));
    const { inputs, outputs } = model.modelSignature ?? {};
    /** @type {Spec[]} */
    this.inputs = this.#specs(inputs, model.inputs);
    /** @type {Spec[]} */
    this.outputs = this.#specs(outputs, model.outputs);
  }

  /**
   * @param {Record<string, any>} inputs tensors by node name
   * @param {string[]} outputs node names
   * @returns {Promise<Record<string, any>>} tensors by the names asked for
   */
  async run(inputs, outputs) {
    for (const name of [...Object.keys(inputs), ...outputs]) this.#requireNode(name);
    if (outputs.length === 0) return {};
    const tensors = await this.#feeds.run(inputs, (feeds) =>
      this.#execute(
        Object.fromEntries(
          Object.entries(feeds).map(([name, tensor]) => [
            this.#unmistakable(name, 'inputs'),
            tensor,
          ]),
        ),
        outputs.map((name) => this.#unmistakable(name, 'outputs')),
      ),
    );
    return Object.fromEntries(
      outputs.map((name, index) => [name, requireTensor(tensors[index], name)]),
    );
  }

  dispose() {
    this.#model.dispose();
  }

  async #execute(inputs, outputs) {
    const key = JSON.stringify([Object.keys(inputs), outputs]);
    if (!this.#runsFunctions && !this.#asynchronous.has(key)) {
      try {
        return [this.#model.execute(inputs, outputs)].flat();
      } catch (error) {
        if (!/use model\.executeAsync\(\) instead/.test(error?.message)) throw error;
        this.#asynchronous.add(key);
      }
    }
    return [await this.#model.executeAsync(inputs, outputs)].flat();
  }

  /** Specs in the order of the signature's entries, or of the nodes where it has none. */
  #specs(entries, nodes) {
    const signed = Object.entries(entries ?? {}).filter(([, info]) => info.resourceId == null);
    if (signed.length > 0) {
      return signed.map(([key, { name, dtype, tensorShape }]) => ({
        name: shortest(name),
        key,
        dtype: DTYPES[dtype] ?? String(dtype),
        shape: shapeOf(tensorShape),
      }));
    }
    return nodes.map(({ name, dtype, shape }) => ({
      name,
      key: null,
      dtype: dtype ?? 'unknown',
      shape: shape?.map((size) => (size < 0 ? null : size)) ?? null,
    }));
  }

  #requireNode(name) {
    if (Object.hasOwn(this.#nodes, nodeOf(name))) return;
    throw new RpcError('ExecutionFailed', `the graph has no node "${nodeOf(name)}"`);
  }

  /**
   * The tensor's name in a spelling that is no key of the signature. TensorFlow.js would take the
   * key first, and a key can have the text of another node's name.
   */
  #unmistakable(name, side) {
    const keys = this.#model.modelSignature?.[side] ?? {};
    let spelling = name.includes(':') ? name : `${name}:0`;
    while (spelling in keys && shortest(keys[spelling].name) !== shortest(name)) {
      spelling = spelling.replace(':', ':0');
    }
    return spelling;
  }
}

function requireTensor(tensor, name) {
  if (tensor) return tensor;
  throw new RpcError('ExecutionFailed', `TensorFlow.js computed no tensor "${name}"`);
}

function shapeOf(tensorShape) {
  if (!tensorShape || tensorShape.unknownRank) return null;
  return (tensorShape.dim ?? []).map(({ size }) =>
    Number(size ?? 0) < 0 ? null : Number(size ?? 0),
  );
}
