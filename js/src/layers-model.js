/** A Keras model in TensorFlow.js's layers format. */
import { RpcError } from './rpc/errors.js';

export class LayersModel {
  #model;

  /**
   * @param {any} tf
   * @param {object} handler an IOHandler
   */
  static async load(tf, handler) {
    return new LayersModel(await tf.loadLayersModel(handler));
  }

  constructor(model) {
    this.#model = model;
    /** @type {import('./graph-model.js').Spec[]} */
    this.inputs = specs(model.inputNames, model.inputs);
    /** @type {import('./graph-model.js').Spec[]} */
    this.outputs = specs(model.outputNames, model.outputs);
  }

  /**
   * @param {Record<string, any>} inputs tensors by input layer
   * @param {string[]} outputs output layers
   * @returns {Promise<Record<string, any>>} tensors by the names asked for
   */
  async run(inputs, outputs) {
    requireKnown('input', Object.keys(inputs), this.inputs);
    requireKnown('output', outputs, this.outputs);
    const ordered = this.inputs.map(({ name }) => {
      if (name in inputs) return inputs[name];
      throw new RpcError('ExecutionFailed', `the model's input "${name}" is missing`);
    });
    const results = [this.#model.predictOnBatch(ordered)].flat();
    const named = Object.fromEntries(this.outputs.map(({ name }, index) => [name, results[index]]));
    return Object.fromEntries(outputs.map((name) => [name, named[name]]));
  }

  dispose() {
    this.#model.dispose();
  }
}

/** Names are those of layers; a layer's second output and so on get ":k", as in a graph. */
function specs(names, tensors) {
  return names.map((name, position) => {
    const index = names.slice(0, position).filter((other) => other === name).length;
    const { dtype, shape } = tensors[position];
    return { name: index === 0 ? name : `${name}:${index}`, key: null, dtype, shape };
  });
}

function requireKnown(side, names, known) {
  const unknown = names.find((name) => !known.some((spec) => spec.name === name));
  if (unknown === undefined) return;
  const all = known.map(({ name }) => name).join(', ');
  throw new RpcError('ExecutionFailed', `the model has no ${side} "${unknown}"; it has ${all}`);
}
