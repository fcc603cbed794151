// Answers `initialize`, then takes every request and never answers; ends when stdin is closed.
import { converse } from './peer.mjs';

converse(() => {});
