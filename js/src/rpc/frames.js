/**
 * Frames over two file descriptors, read and written blocking.
 *
 *     Content-Length: 93\r\n
 *     Attachment-Length: 602112\r\n
 *     \r\n
 *     <93 bytes of JSON><602112 bytes of attachment>
 *
 * Blocking calls take a third of the time that Node's streams take for one image, and one request
 * is in flight at a time anyway. An attachment is read to an 8-byte boundary, so that typed arrays
 * can view it where it is; only what came along with the header is copied.
 */
import fs from 'node:fs';

const READ_AHEAD = 8 * 1024;
const LONGEST_HEADER = 1024;
const NOTHING = Buffer.alloc(0);
const BLANK_LINE = Buffer.from('\r\n\r\n');
const FIELD = /^(Content-Length|Attachment-Length): (\d{1,15})$/;

/** The byte stream is not made of frames, or ends inside one; nothing after it can be trusted. */
export class FrameError extends Error {
  name = 'FrameError';
}

/**
 * @typedef {object} Frame
 * @property {any} message the parsed JSON
 * @property {Uint8Array} attachment from the start of its buffer; empty where there is none
 */

export class FrameReader {
  #fd;
  #ahead = Buffer.allocUnsafeSlow(READ_AHEAD);
  #start = 0;
  #end = 0;
  /** Memory of an earlier attachment: fresh pages for 64 MiB cost as much time as moving them. */
  #spare = NOTHING;

  /** @param {number} fd */
  constructor(fd) {
    this.#fd = fd;
  }

  /**
   * The next frame, or null where the peer closed the stream between two frames.
   * @returns {Frame | null}
   */
  read() {
    const header = this.#readHeader();
    if (header === null) return null;
    const json = this.#readExactly(allocate(header.content));
    const attachment = this.#readExactly(this.#takeSpare(header.attachment));
    try {
      return { message: JSON.parse(json.toString('utf8')), attachment };
    } catch (error) {
      throw new FrameError(`the frame's content is no JSON: ${error.message}`);
    }
  }

  /**
   * Lets the memory of an attachment be used again, now that nobody looks at it.
   * @param {Uint8Array} attachment
   */
  recycle(attachment) {
    if (attachment.buffer.byteLength > this.#spare.length) {
      this.#spare = Buffer.from(attachment.buffer);
    }
  }

  /** @param {number} length */
  #takeSpare(length) {
    if (length === 0) return NOTHING;
    if (length > this.#spare.length) return allocate(length);
    const bytes = this.#spare.subarray(0, length);
    this.#spare = NOTHING;
    return bytes;
  }

  #readHeader() {
    for (;;) {
      const ahead = this.#ahead.subarray(this.#start, this.#end);
      const length = ahead.indexOf(BLANK_LINE);
      if (length >= 0) {
        this.#start += length + BLANK_LINE.length;
        return parseHeader(ahead.toString('latin1', 0, length));
      }
      if (ahead.length > LONGEST_HEADER) throw unexpected(ahead);
      if (!this.#fill()) {
        if (ahead.length === 0) return null;
        throw new FrameError('the stream ended inside a frame header');
      }
    }
  }

  /** Reads once behind what is buffered; false at the end of the stream. */
  #fill() {
    if (this.#start > 0) {
      this.#ahead.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = readBlocking(this.#fd, this.#ahead, this.#end, READ_AHEAD - this.#end);
    this.#end += count;
    return count > 0;
  }

  /** @param {Buffer} bytes what to fill */
  #readExactly(bytes) {
    const { length } = bytes;
    const buffered = Math.min(length, this.#end - this.#start);
    this.#ahead.copy(bytes, 0, this.#start, this.#start + buffered);
    this.#start += buffered;
    for (let filled = buffered; filled < length; ) {
      const count = readBlocking(this.#fd, bytes, filled, length - filled);
      if (count === 0) {
        throw new FrameError(`the stream ended ${length - filled} bytes before its frame did`);
      }
      filled += count;
    }
    return bytes;
  }
}

export class FrameWriter {
  #fd;

  /** @param {number} fd */
  constructor(fd) {
    this.#fd = fd;
  }

  /**
   * @param {unknown} message
   * @param {Uint8Array[]} [chunks] the attachment, in pieces
   */
  write(message, chunks = []) {
    const json = Buffer.from(JSON.stringify(message));
    const attached = chunks.reduce((total, chunk) => total + chunk.byteLength, 0);
    const attachmentField = attached > 0 ? `Attachment-Length: ${attached}\r\n` : '';
    const header = Buffer.from(`Content-Length: ${json.length}\r\n${attachmentField}\r\n`);
    writeBlocking(this.#fd, [Buffer.concat([header, json]), ...chunks]);
  }
}

/** @param {string} text */
function parseHeader(text) {
  const lengths = { 'Content-Length': -1, 'Attachment-Length': 0 };
  for (const line of text.split('\r\n')) {
    const field = FIELD.exec(line);
    if (field === null) throw unexpected(Buffer.from(text, 'latin1'));
    lengths[field[1]] = Number(field[2]);
  }
  if (lengths['Content-Length'] < 0) throw new FrameError('a frame header has no Content-Length');
  return { content: lengths['Content-Length'], attachment: lengths['Attachment-Length'] };
}

/** @param {Buffer} bytes */
function unexpected(bytes) {
  const start = JSON.stringify(bytes.toString('latin1', 0, 80));
  return new FrameError(`expected a frame header such as "Content-Length: 93", got ${start}`);
}

/**
 * Memory of its own that nobody has zeroed: it is about to be overwritten.
 * @param {number} length
 */
function allocate(length) {
  try {
    return Buffer.allocUnsafeSlow(length);
  } catch (error) {
    throw new FrameError(`no memory for ${length} bytes of a frame: ${error.message}`);
  }
}

/** The number of bytes read; 0 at the end of the stream. */
function readBlocking(fd, buffer, offset, length) {
  for (;;) {
    try {
      return fs.readSync(fd, buffer, offset, length, null);
    } catch (error) {
      if (error.code === 'EOF') return 0; // what Windows says of a closed pipe
      waitOrThrow(error);
    }
  }
}

function writeBlocking(fd, chunks) {
  let rest = chunks.filter((chunk) => chunk.byteLength > 0);
  while (rest.length > 0) {
    try {
      rest = dropFirst(rest, fs.writevSync(fd, rest));
    } catch (error) {
      waitOrThrow(error);
    }
  }
}

/** The chunks without their first `count` bytes. */
function dropFirst(chunks, count) {
  let index = 0;
  let left = count;
  while (index < chunks.length && left >= chunks[index].byteLength) {
    left -= chunks[index].byteLength;
    index += 1;
  }
  if (index === chunks.length) return [];
  return [chunks[index].subarray(left), ...chunks.slice(index + 1)];
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Lets a descriptor that somebody made non-blocking come round; any other error is thrown. */
function waitOrThrow(error) {
  if (error.code !== 'EAGAIN' && error.code !== 'EINTR') throw error;
  Atomics.wait(pause, 0, 0, 1);
}
