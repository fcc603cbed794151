// Answers `initialize`, then exits with status 3 when half of the next answer's attachment is out.
import { converse, spill } from './peer.mjs';

converse(({ id }) => {
  const x = { dtype: 'float32', shape: [1000], offset: 0, byteLength: 4000 };
  const json = JSON.stringify({ jsonrpc: '2.0', id, result: { tensors: { x }, outputs: { x } } });
  spill(`Content-Length: ${json.length}\r\nAttachment-Length: 4000\r\n\r\n${json}${'x'.repeat(2000)}`);
  process.exit(3);
});
