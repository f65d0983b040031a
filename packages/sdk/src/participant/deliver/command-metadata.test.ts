/** Rules M1 to M3 of command-metadata.ts. The same as unary over real gRPC: test/deliver/both-transports.test.ts. */
import { describe, expect, it } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import type { MetadataEntry } from '@tercet/proto';
import { aCommand } from '../../../test/support/deliver-client';
import { metadataOfCommand, metadataProblem } from './command-metadata';

const text = (key: string, value: string): MetadataEntry => ({
  key,
  value: { $case: 'text', value },
});
const binary = (key: string, ...bytes: readonly number[]): MetadataEntry => ({
  key,
  value: { $case: 'binary', value: Buffer.from(bytes) },
});

function ofStream(values: Readonly<Record<string, string>> = {}): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) metadata.set(key, value);
  return metadata;
}

describe('the metadata of a command', () => {
  it('holds its fields under the keys of a unary call', () => {
    const traceContext = { traceparent: '00-a', tracestate: 'x=y' };
    const command = aCommand(1, 'cancel', { attempt: 12, traceContext });
    expect(metadataOfCommand(command, ofStream()).getMap()).toEqual({
      'tercet-gid': 'order-1',
      'tercet-run-id': 'a'.repeat(32),
      'tercet-branch-id': '1',
      'tercet-action': 'reserve',
      'tercet-phase': 'cancel',
      'tercet-attempt': '12',
      'tercet-not-after': '4000000000000',
      traceparent: '00-a',
      tracestate: 'x=y',
    });
  });

  it('lacks what was not sent, and what no header could carry', () => {
    const traceContext = { traceparent: '00-é', tracestate: '' };
    const command = aCommand(1, 'confirm', { action: '', traceContext });
    const held = Object.keys(metadataOfCommand(command, ofStream()).getMap());
    expect(held.sort()).toEqual(
      ['attempt', 'branch-id', 'gid', 'phase', 'run-id'].map((key) => `tercet-${key}`),
    );
  });

  it('is contradicted neither by entries nor by the stream (M1)', () => {
    const metadata = [text('tercet-gid', 'other'), text('traceparent', 'other'), text('a', 'b')];
    const stream = ofStream({ 'tercet-gid': 'stream', tracestate: 'stream', 'user-agent': 'x' });
    const whole = metadataOfCommand(aCommand(1, 'try', { metadata }), stream).getMap();
    expect(whole).toMatchObject({ 'tercet-gid': 'order-1', a: 'b', 'user-agent': 'x' });
    expect(whole).not.toHaveProperty('traceparent');
    expect(whole).not.toHaveProperty('tracestate');
  });

  it('cannot replace what came with the stream, nor reach its next command (M2)', () => {
    const stream = ofStream({ 'x-client-cert': 'proxy' });
    const metadata = [text('x-client-cert', 'forged'), text('tenant', 'blue')];
    const whole = metadataOfCommand(aCommand(1, 'try', { metadata }), stream);
    expect(whole.get('x-client-cert')).toEqual(['proxy']);
    expect(whole.get('tenant')).toEqual(['blue']);
    expect(stream.getMap()).toEqual({ 'x-client-cert': 'proxy' });
  });

  it('joins repeated texts as HTTP/2 does, and keeps repeated bytes apart', () => {
    const metadata = [text('a', '1'), text('a', '2'), binary('b-bin', 1), binary('b-bin', 2, 3)];
    const whole = metadataOfCommand(aCommand(1, 'try', { metadata }), ofStream());
    expect(whole.get('a')).toEqual(['1, 2']);
    expect(whole.get('b-bin')).toEqual([Buffer.from([1]), Buffer.from([2, 3])]);
  });
});

describe('entries that a unary call could not carry', () => {
  const cases: readonly [MetadataEntry, string][] = [
    [text('Tenant', 'x'), '"_", "." and "-", got "Tenant"'],
    [text('', 'x'), 'got an empty text'],
    [text(':path', 'x'), 'got ":path"'],
    [{ key: 'a', value: undefined }, 'metadata a has no value'],
    [text('a-bin', 'x'), 'metadata a-bin must be bytes: keys that end in -bin'],
    [binary('a', 1), 'metadata a must be text: keys that end in -bin'],
    [text('a', 'é'), 'metadata a must be printable ASCII, got "é"'],
    [text('a', 'x\ny'), 'metadata a must be printable ASCII, got "x\\ny"'],
  ];

  it.each(cases)('are refused: %j (M3)', (entry, problem) => {
    expect(metadataProblem([text('fine', 'x'), entry])).toContain(problem);
  });

  it('are all that is refused', () => {
    expect(metadataProblem([text('a.b_c-1', ''), binary('x-bin')])).toBeUndefined();
  });
});
