import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FrameError, FrameReader, FrameWriter } from '../../src/rpc/frames.js';
import { withDirectory } from '../support/artifacts.js';

/** Writes with FrameWriter, reads with FrameReader, through a file. */
async function throughFile(write, read) {
  return withDirectory((directory) => {
    const file = path.join(directory, 'wire');
    const fd = fs.openSync(file, 'w+');
    try {
      write(fd);
      const reading = fs.openSync(file, 'r');
      try {
        return read(new FrameReader(reading));
      } finally {
        fs.closeSync(reading);
      }
    } finally {
      fs.closeSync(fd);
    }
  });
}

const bytes = (length) => Uint8Array.from({ length }, (_, index) => index % 251);

test('frames come back in order, attachments in one piece', () =>
  throughFile(
    (fd) => {
      const writer = new FrameWriter(fd);
      writer.write({ n: 1 });
      writer.write({ n: 2, text: 'zażółć' }, [bytes(3), bytes(0), bytes(200_000)]);
      writer.write({ n: 3 }, [bytes(8)]);
    },
    (reader) => {
      assert.deepEqual(reader.read().message, { n: 1 });
      const { message, attachment } = reader.read();
      assert.deepEqual(message, { n: 2, text: 'zażółć' });
      assert.deepEqual(Buffer.from(attachment), Buffer.concat([bytes(3), bytes(200_000)]));
      assert.equal(attachment.byteOffset, 0);
      assert.deepEqual(Buffer.from(reader.read().attachment), Buffer.from(bytes(8)));
      assert.equal(reader.read(), null);
    },
  ));

test('recycled memory is used again; other memory is not', () =>
  throughFile(
    (fd) => {
      const writer = new FrameWriter(fd);
      for (const length of [100_000, 50_000, 0, 50_000]) writer.write({}, [bytes(length)]);
    },
    (reader) => {
      const first = reader.read().attachment;
      reader.recycle(first);
      const second = reader.read().attachment;
      assert.equal(second.buffer, first.buffer);
      assert.equal(reader.read().attachment.length, 0);
      assert.notEqual(reader.read().attachment.buffer, first.buffer);
    },
  ));

for (const [what, text, complaint] of [
  ['no header', 'GET / HTTP/1.1\r\n\r\n', /expected a frame header.*GET/],
  ['endless header', 'x'.repeat(5000), /expected a frame header.*xxx/],
  ['negative length', 'Content-Length: -1\r\n\r\n', /expected a frame header/],
  ['no length', 'Attachment-Length: 1\r\n\r\nx', /no Content-Length/],
  ['no JSON', 'Content-Length: 1\r\n\r\n{', /no JSON/],
  ['header cut short', 'Content-Len', /ended inside a frame header/],
  ['content cut short', 'Content-Length: 9\r\n\r\n{}', /ended 7 bytes before/],
  ['impossible length', 'Content-Length: 999999999999999\r\n\r\n', /no memory/],
]) {
  test(`${what} is a FrameError`, () =>
    throughFile(
      (fd) => fs.writeSync(fd, text),
      (reader) =>
        assert.throws(
          () => reader.read(),
          (error) => error instanceof FrameError && complaint.test(error.message),
        ),
    ));
}

test('a slow reader and a non-blocking pipe lose nothing', async () => {
  // Looking at process.stdout opens it, which makes the pipe's descriptor non-blocking.
  const frames = fileURLToPath(new URL('../../src/rpc/frames.js', import.meta.url));
  const script = `
    import { FrameWriter } from ${JSON.stringify(frames)};
    process.stdout.writable;
    process.stdin.readable;
    new FrameWriter(1).write({}, [new Uint8Array(1_000_000).fill(7), new Uint8Array(500_001).fill(8)]);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
  const chunks = [];
  await new Promise((resolve) => setTimeout(resolve, 300));
  for await (const chunk of child.stdout) chunks.push(chunk);
  const received = Buffer.concat(chunks);
  const start = received.indexOf('\r\n\r\n') + '\r\n\r\n{}'.length;
  assert.equal(received.length - start, 1_500_001);
  assert.deepEqual(
    [received[start], received[start + 999_999], received[start + 1_000_000]],
    [7, 7, 8],
  );
});
