// Answers `initialize`, then gives every answer the id of a request that was never made.
import { converse, reply } from './peer.mjs';

converse(({ id }) => reply({ id: id + 1000 }, {}));
