/**
 * The usual way: one JSON document per line, its tensor as numbers or as base64, there and back.
 *
 *     node text_peer.mjs numbers|base64
 *
 * Reads and writes block, as the bridge's do, so that the encoding is what is compared.
 */
import fs from 'node:fs';

const NEWLINE = 0x0a;

const encodings = {
  numbers: {
    decode: (data) => Float32Array.from(data),
    encode: (tensor) => Array.from(tensor),
  },
  base64: {
    decode(data) {
      const bytes = Buffer.from(data, 'base64');
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    },
    encode: ({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength).toString('base64'),
  },
};

/** The next line, whose length nobody knows beforehand; null at the end of the stream. */
function readLine() {
  let line = Buffer.allocUnsafeSlow(1 << 16);
  let filled = 0;
  for (;;) {
    const count = fs.readSync(0, line, filled, line.length - filled, null);
    if (count === 0) return null;
    filled += count;
    if (line[filled - 1] === NEWLINE) return line.latin1Slice(0, filled - 1);
    if (filled === line.length) {
      const longer = Buffer.allocUnsafeSlow(2 * line.length);
      line.copy(longer);
      line = longer;
    }
  }
}

function writeLine(text) {
  const line = Buffer.from(`${text}\n`, 'latin1');
  for (let written = 0; written < line.length; ) {
    written += fs.writeSync(1, line, written);
  }
}

const { decode, encode } = encodings[process.argv[2]];
for (let line = readLine(); line !== null; line = readLine()) {
  writeLine(JSON.stringify({ data: encode(decode(JSON.parse(line).data)) }));
}
