// Answers `initialize`, then is killed by SIGKILL while it works on the next request, after some
// last words on stderr: what the kernel does to a process that has used up the memory.
import { converse } from './peer.mjs';

converse(() => {
  console.error('killed: allocating far too much');
  process.kill(process.pid, 'SIGKILL');
  for (;;); // the signal is on its way
});
