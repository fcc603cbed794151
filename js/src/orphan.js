/**
 * Ends this process when its parent has died, even in the middle of a long computation: the main
 * thread notices that stdin was closed only when it reads again.
 */
import { Worker, isMainThread } from 'node:worker_threads';

const INTERVAL_MS = 1000;

export function watchParent() {
  new Worker(new URL(import.meta.url)).unref();
}

if (!isMainThread) {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
  }, INTERVAL_MS);
}
