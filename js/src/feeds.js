/**
 * Feeding nodes in the middle of a graph.
 *
 * GraphModel lets any node be fed, with two limits: of several outputs of one node it keeps only
 * the last, and it compares a tensor's dtype with the node's dtype attribute, which for a
 * comparison is the dtype of its operands. Weights have neither limit. So a fed node becomes a
 * weight for the length of one run. This reaches into the GraphExecutor of tfjs-converter 4.22.0,
 * whose version the lock file pins.
 */
import { indexOf, nodeOf } from './node-names.js';
import { RpcError } from './rpc/errors.js';

export class Feeds {
  #executor;
  /** Execution orders by fed nodes: the executor's own cache does not know what was fed here. */
  #compiled = new Map();

  /** @param {any} executor the GraphExecutor of a GraphModel */
  constructor(executor) {
    this.#executor = executor;
  }

  /**
   * Runs the body with the placeholders among the inputs, while the other inputs are weights.
   * @template T
   * @param {Record<string, any>} inputs tensors by name
   * @param {(placeholders: Record<string, any>) => Promise<T>} body
   * @returns {Promise<T>}
   */
  async run(inputs, body) {
    const entries = Object.entries(inputs);
    const inside = entries.filter(([name]) => !this.#isInput(name));
    if (inside.length === 0) return body(inputs);
    const restore = this.#makeWeights(inside);
    try {
      return await body(Object.fromEntries(entries.filter(([name]) => this.#isInput(name))));
    } finally {
      restore();
    }
  }

  #isInput(name) {
    const { nodes, inputs } = this.#executor.graph;
    const node = nodes[nodeOf(name)];
    return node.op.startsWith('Placeholder') || inputs.includes(node);
  }

  /** @returns a function that takes it back */
  #makeWeights(feeds) {
    const { graph, weightMap, compiledMap } = this.#executor;
    const { weights } = graph;
    const fed = {};
    for (const [name, tensor] of feeds) {
      fed[nodeOf(name)] ??= [];
      fed[nodeOf(name)][indexOf(name)] = tensor;
    }
    const names = Object.keys(fed);
    requireUnique(names, graph.functions);

    this.#executor.weightMap = { ...weightMap, ...fed };
    this.#executor.compiledMap = this.#compiledFor(names);
    graph.weights = [...weights, ...names.map((name) => graph.nodes[name])];
    return () => {
      this.#executor.weightMap = weightMap;
      this.#executor.compiledMap = compiledMap;
      graph.weights = weights;
    };
  }

  #compiledFor(names) {
    const key = names.sort().join();
    if (!this.#compiled.has(key)) this.#compiled.set(key, new Map());
    return this.#compiled.get(key);
  }
}

/** Function bodies see the weights of the graph, so a fed name must not be one of theirs. */
function requireUnique(names, functions) {
  for (const [title, { nodes }] of Object.entries(functions ?? {})) {
    const shared = names.find((name) => Object.hasOwn(nodes, name));
    if (shared === undefined) continue;
    throw new RpcError(
      'ExecutionFailed',
      `node "${shared}" cannot be fed: the function "${title}" has a node of the same name`,
    );
  }
}
