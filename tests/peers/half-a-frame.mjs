// Answers `initialize`, then exits with status 3 in the middle of the next answer.
import { converse, spill } from './peer.mjs';

converse(() => {
  spill('Content-Length: 1000\r\n\r\n{"jsonrpc":"2.0","id":');
  console.error('half-a-frame: leaving early');
  process.exit(3);
});
