/**
 * The Node side of tfjs-verify: `node main.js --modules DIR`, where DIR/node_modules has what
 * package.json lists. Speaks the contract in bridge/contract.json over stdin and stdout.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createValidator, readContract, requireMethods } from './contract.js';
import { createMethods } from './methods.js';
import { watchParent } from './orphan.js';
import { FrameReader, FrameWriter } from './rpc/frames.js';
import { serve } from './rpc/server.js';
import { Strays } from './rpc/strays.js';
import { reserveStdout } from './stdout.js';

const STDIN = 0;
const STDOUT = 1;

reserveStdout();
watchParent();

const { values } = parseArgs({ options: { modules: { type: 'string' } } });
if (values.modules === undefined) {
  throw new Error('--modules DIR is required: the directory that has our node_modules');
}
const require = createRequire(path.resolve(values.modules, 'package.json'));

const contract = readContract();
const methods = createMethods({ contract, require });
requireMethods(contract, methods);

const conversation = serve({
  reader: new FrameReader(STDIN),
  writer: new FrameWriter(STDOUT),
  methods,
  validate: createValidator(contract, require('ajv')),
  codes: contract.codes,
  strays: new Strays(),
});
conversation.then(process.exit, (error) => {
  // Our own fault, or a peer that is gone. The handlers of stray errors would keep us alive.
  console.error(error);
  process.exit(1);
});
