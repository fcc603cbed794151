/** Replays bridge/transcripts against the real process; pytest replays the same files. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readContract } from '../src/contract.js';
import { withSide } from './support/process.js';

const TRANSCRIPTS = fileURLToPath(new URL('../../bridge/transcripts/', import.meta.url));

const files = fs.readdirSync(TRANSCRIPTS).filter((name) => name.endsWith('.jsonl'));

test('there are transcripts', () => assert.notEqual(files.length, 0));

for (const name of files) {
  const [{ about }, ...steps] = readLines(TRANSCRIPTS + name);
  test(`${name}: ${about}`, () => replay(steps));
}

function readLines(file) {
  const text = fs
    .readFileSync(file, 'utf8')
    .replaceAll('{contract}', readContract().hash)
    .replaceAll('{transcripts}', TRANSCRIPTS.replace(/\/$/, ''));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function replay(steps) {
  return withSide(async (side) => {
    for (const step of steps) await follow(side, step);
  });
}

async function follow(side, step) {
  if (step.send !== undefined) side.send(step.send, Buffer.from(step.attachment ?? '', 'base64'));
  if (step.sendBytes !== undefined) side.child.stdin.write(Buffer.from(step.sendBytes, 'base64'));
  if (step.close) side.child.stdin.end();
  if (step.expect !== undefined) {
    const { message, attachment } = await side.receive();
    assertFits(message, step.expect, JSON.stringify(message));
    assert.equal(attachment.toString('base64'), step.expectAttachment ?? '');
  }
  if (step.exit !== undefined) assert.equal(await side.exited, step.exit);
}

/** Equality, but for the two matchers of bridge/transcripts/README.md. */
function assertFits(actual, expected, context) {
  if (expected?.$any) return assert.equal(kindOf(actual), expected.$any, context);
  if (expected?.$contains) return assert.ok(actual?.includes(expected.$contains), context);
  assert.equal(kindOf(actual), kindOf(expected), context);
  if (typeof expected !== 'object' || expected === null) {
    return assert.equal(actual, expected, context);
  }
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), context);
  for (const key of Object.keys(expected)) assertFits(actual[key], expected[key], context);
}

function kindOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}
