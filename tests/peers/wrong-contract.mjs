// Takes any contract for its own and answers `initialize` with another one's hash.
import { converse, initialized, reply } from './peer.mjs';

converse(
  (request) => reply(request, {}),
  (params) => ({ ...initialized(params), contract: '0'.repeat(64) }),
);
