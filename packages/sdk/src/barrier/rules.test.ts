import { describe, expect, test } from '@jest/globals';
import type { BarrierCall, CancelWhenTryUnknown } from './barrier';
import { type FoundRow, type FoundRows, type Verdict, verdictOf } from './rules';

const reply = new Uint8Array([1]);
const note = new Uint8Array([2]);
const tried: FoundRow = { op: 'try', reply, note };
const marker: FoundRow = { op: 'cancel', reply: undefined, note: undefined };
const confirmed: FoundRow = { op: 'confirm', reply: new Uint8Array([3]), note: undefined };
const cancelled: FoundRow = { op: 'cancel', reply: new Uint8Array([4]), note: undefined };
const unfinished = (op: FoundRow['op']): FoundRow => ({ op, reply: undefined, note: undefined });

function aCall(phase: BarrierCall['phase'], cancelWhenTryUnknown: CancelWhenTryUnknown = 'skip') {
  return {
    runId: '0'.repeat(32),
    branchId: '1',
    gid: 'order-1',
    service: 'shop.StockTcc',
    action: 'reserve',
    phase,
    attempt: 1,
    deadline: undefined,
    givenUp: () => false,
    cancelWhenTryUnknown,
    encodeReply: () => reply,
  } satisfies BarrierCall;
}

const duplicateOf = (row: FoundRow): Verdict => ({
  kind: 'duplicate',
  reply: row.reply ?? new Uint8Array(),
  note: row.note,
});
const conflict = (found: RegExp): unknown => ({
  kind: 'conflict',
  message: expect.stringMatching(found),
});

describe('verdictOf', () => {
  const nothing: FoundRows = { try: undefined, end: undefined };

  test.each<[BarrierCall['phase'], string, FoundRows, unknown]>([
    ['try', 'nothing', nothing, { kind: 'run', tried: undefined }],
    ['try', 'its own row', { try: tried, end: undefined }, duplicateOf(tried)],
    ['try', 'its row and a Confirm', { try: tried, end: confirmed }, duplicateOf(tried)],
    ['try', 'its row and a Cancel', { try: tried, end: cancelled }, { kind: 'late' }],
    ['try', 'a marker', { try: marker, end: undefined }, { kind: 'late' }],
    ['try', 'a marker and its Cancel', { try: marker, end: cancelled }, { kind: 'late' }],
    ['confirm', 'nothing', nothing, conflict(/no row of its Try/)],
    ['confirm', 'a marker', { try: marker, end: undefined }, conflict(/marker of a Cancel/)],
    ['confirm', 'its Try', { try: tried, end: undefined }, { kind: 'run', tried: { reply, note } }],
    ['confirm', 'a Confirm', { try: tried, end: confirmed }, duplicateOf(confirmed)],
    ['confirm', 'a Cancel', { try: tried, end: cancelled }, conflict(/ended with Cancel/)],
    ['confirm', 'an empty Cancel', { try: marker, end: cancelled }, conflict(/ended with Cancel/)],
    ['cancel', 'nothing', nothing, { kind: 'empty' }],
    ['cancel', 'its Try', { try: tried, end: undefined }, { kind: 'run', tried: { reply, note } }],
    ['cancel', 'a Cancel', { try: tried, end: cancelled }, duplicateOf(cancelled)],
    ['cancel', 'an empty Cancel', { try: marker, end: cancelled }, duplicateOf(cancelled)],
    ['cancel', 'a Confirm', { try: tried, end: confirmed }, conflict(/ended with Confirm/)],
  ])('B1 B2 B3 a %s that finds %s', (phase, _found, rows, verdict) => {
    expect(verdictOf(aCall(phase), rows)).toEqual(verdict);
  });

  test('B3 a Cancel that finds nothing runs where it was told to', () => {
    expect(verdictOf(aCall('cancel', 'call'), nothing)).toEqual({ kind: 'run', tried: undefined });
  });

  test.each<[BarrierCall['phase'], FoundRows]>([
    ['try', { try: unfinished('try'), end: undefined }],
    ['confirm', { try: unfinished('try'), end: undefined }],
    ['cancel', { try: unfinished('try'), end: undefined }],
    ['confirm', { try: tried, end: unfinished('confirm') }],
    ['cancel', { try: tried, end: unfinished('cancel') }],
  ])('B4 a %s builds nothing on a row that was never finished', (phase, rows) => {
    expect(verdictOf(aCall(phase), rows)).toEqual(conflict(/never finished.*COMMIT or DDL/));
  });

  test('a conflict names the call', () => {
    expect(verdictOf(aCall('confirm'), nothing)).toEqual(
      conflict(/^Confirm of branch 1 of transaction order-1 \(shop.StockTcc, action reserve\)/),
    );
  });
});
