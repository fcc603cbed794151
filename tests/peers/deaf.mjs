// Answers `initialize`, then neither answers nor ends: not when stdin is closed, not on SIGTERM.
import { converse } from './peer.mjs';

process.on('SIGTERM', () => {});
setInterval(() => {}, 1000);
converse(() => {});
