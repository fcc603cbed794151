/** The wire contract, read from the same bytes that the Python side reads. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';

/** True in the checkout and in the wheel alike. */
export const CONTRACT_URL = new URL('../../bridge/contract.json', import.meta.url);

/**
 * @typedef {object} Contract
 * @property {string} hash SHA-256 of the file's bytes, hexadecimal
 * @property {any} document
 * @property {string[]} methods
 * @property {Map<string, number>} codes error name to code
 */

/** @returns {Contract} */
export function readContract(url = CONTRACT_URL) {
  const bytes = fs.readFileSync(url);
  const document = JSON.parse(bytes.toString('utf8'));
  return {
    hash: createHash('sha256').update(bytes).digest('hex'),
    document,
    methods: Object.keys(document.methods),
    codes: new Map(
      Object.entries(document.errors).map(([code, error]) => [error.name, Number(code)]),
    ),
  };
}

/**
 * Throws unless `methods` has exactly the contract's.
 * @param {Contract} contract
 * @param {Record<string, unknown>} methods
 */
export function requireMethods(contract, methods) {
  const missing = contract.methods.filter((name) => !(name in methods));
  const unknown = Object.keys(methods).filter((name) => !contract.methods.includes(name));
  if (missing.length === 0 && unknown.length === 0) return;
  throw new Error(
    `methods.js must have exactly the methods of ${CONTRACT_URL.pathname}: ` +
      `missing [${missing.join(', ')}], not in the contract [${unknown.join(', ')}]`,
  );
}

/**
 * Schema validators of the contract's methods, compiled when first used.
 * @param {Contract} contract
 * @param {typeof import('ajv').default} Ajv
 * @returns {(method: string, part: 'params' | 'result', value: unknown) => string | null}
 *   what is wrong with the value, or null
 */
export function createValidator(contract, Ajv) {
  const ajv = new Ajv({ strict: false });
  ajv.addSchema({ ...contract.document, $id: 'contract' });
  return (method, part, value) => {
    const validate = ajv.getSchema(`contract#/methods/${method}/${part}`);
    return validate(value) ? null : ajv.errorsText(validate.errors, { dataVar: part });
  };
}
