/** The loaded models of this process, by handle, and what can be done with one. */
import { fileHandler } from './artifact.js';
import { GraphModel } from './graph-model.js';
import { LayersModel } from './layers-model.js';
import { RpcError } from './rpc/errors.js';
import { fetchTensors, toTensors } from './tensors.js';

const KINDS = { graph: GraphModel, layers: LayersModel };

/** @typedef {Record<string, import('./tensors.js').Descriptor>} Descriptors */

export class Models {
  #tf;
  /** @type {Map<number, {model: GraphModel | LayersModel, hasRun: boolean}>} */
  #loaded = new Map();
  #lastHandle = 0;

  #extended;

  /**
   * @param {any} tf
   * @param {{extended: boolean}} options whether user code runs in the models
   */
  constructor(tf, { extended }) {
    this.#tf = tf;
    this.#extended = extended;
  }

  /**
   * @param {string} file absolute path of model.json
   * @param {'graph' | 'layers'} format
   */
  async load(file, format) {
    const start = performance.now();
    const model = await this.#loading(() =>
      KINDS[format].load(this.#tf, fileHandler(this.#tf, file, format)),
    );
    const loadMs = performance.now() - start;
    this.#lastHandle += 1;
    this.#loaded.set(this.#lastHandle, { model, hasRun: false });
    return { model: this.#lastHandle, inputs: model.inputs, outputs: model.outputs, loadMs };
  }

  /** @param {number} handle */
  dispose(handle) {
    this.#get(handle).model.dispose();
    this.#loaded.delete(handle);
  }

  /**
   * One prediction.
   * @param {number} handle
   * @param {Descriptors} inputs
   * @param {Uint8Array} attachment
   * @param {string[]} outputs
   */
  async predict(handle, inputs, attachment, outputs) {
    const entry = this.#get(handle);
    const before = this.#tf.memory().numTensors;
    const fetched = await this.#inScope(async () => {
      const tensors = toTensors(this.#tf, inputs, attachment);
      return fetchTensors(await entry.model.run(tensors, outputs));
    });
    entry.hasRun = true;
    // A backend may keep looking at the attachment for as long as a tensor that is made of it lives.
    const attachmentIsFree = !this.#extended && this.#tf.memory().numTensors === before;
    return { fetched, attachmentIsFree };
  }

  /**
   * Repeated predictions on inputs that stay where they are. A sample ends when all outputs have
   * been fetched; disposing of them comes after it.
   * @param {number} handle
   * @param {Descriptors} inputs
   * @param {Uint8Array} attachment
   * @param {string[]} outputs
   * @param {{warmup: number, repetitions: number, budgetMs: number}} plan
   */
  async time(handle, inputs, attachment, outputs, { warmup, repetitions, budgetMs }) {
    const entry = this.#get(handle);
    return this.#inScope(async () => {
      const tensors = toTensors(this.#tf, inputs, attachment);
      const sample = () =>
        this.#inScope(async () => {
          const start = performance.now();
          await fetchTensors(await entry.model.run(tensors, outputs));
          return performance.now() - start;
        });

      const start = performance.now();
      const isSpent = () => performance.now() - start >= budgetMs;
      const firstMs = entry.hasRun ? null : await sample();
      entry.hasRun = true;
      for (let run = 0; run < warmup && !isSpent(); run += 1) await sample();
      const samplesMs = [await sample()];
      while (samplesMs.length < repetitions && !isSpent()) samplesMs.push(await sample());
      return { firstMs, samplesMs };
    });
  }

  #get(handle) {
    const entry = this.#loaded.get(handle);
    if (entry === undefined) throw new RpcError('UnknownModel', `no loaded model ${handle}`);
    return entry;
  }

  /** Runs the body, whose tensors stay where it succeeds and are disposed of where it fails. */
  async #loading(body) {
    const engine = this.#tf.engine();
    engine.startScope();
    let made = [];
    try {
      const model = await body();
      made = [...engine.state.activeScope.track];
      return model;
    } catch (error) {
      throw RpcError.from('LoadFailed', error);
    } finally {
      engine.endScope(made);
    }
  }

  /** Runs the body and disposes of every tensor that it left, however it ended. */
  async #inScope(body) {
    const engine = this.#tf.engine();
    engine.startScope();
    try {
      return await body();
    } catch (error) {
      throw RpcError.from('ExecutionFailed', error);
    } finally {
      engine.endScope();
    }
  }
}
