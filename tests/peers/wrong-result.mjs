// Answers `initialize`, then answers every request with a result that its schema does not allow.
import { converse, reply } from './peer.mjs';

converse((request) => reply(request, { surprise: true }));
