/**
 * Sends everything that JavaScript prints to stderr: fd 1 belongs to the wire.
 *
 * The stream of fd 1 is replaced before anybody has asked for it. Opening it would be enough to do
 * harm: libuv would make the descriptor non-blocking under our feet.
 */
export function reserveStdout() {
  Object.defineProperty(process, 'stdout', {
    configurable: true,
    enumerable: true,
    get: () => process.stderr,
  });
  // Whoever read our stderr is gone, and with it our parent. Without this the broken pipe would be
  // an uncaught exception, and reporting that another one, without end.
  process.stderr.on('error', () => process.exit(1));
}
