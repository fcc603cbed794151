// A native library prints to fd 1 before the first frame.
import { converse, reply, spill } from './peer.mjs';

spill('Loading plug-in from /usr/lib/libnoisy.so ...\n');
converse((request) => reply(request, {}));
