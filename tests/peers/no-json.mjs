// Answers `initialize`, then sends a frame whose content is no JSON.
import { converse, spill } from './peer.mjs';

converse(() => spill('Content-Length: 7\r\n\r\n{"id": '));
