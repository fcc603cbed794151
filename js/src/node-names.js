/** Names of tensors in a graph: "node" for its first output, "node:k" for output k. */

/** @param {string} name */
export function nodeOf(name) {
  return name.split(':', 1)[0];
}

/** @param {string} name */
export function indexOf(name) {
  return Number(name.slice(nodeOf(name).length + 1));
}

/**
 * The one spelling of a tensor's name that we give out.
 * @param {string} name
 */
export function shortest(name) {
  const index = indexOf(name);
  return index === 0 ? nodeOf(name) : `${nodeOf(name)}:${index}`;
}
