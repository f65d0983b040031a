/**
 * Participants that answer garbage, hang, reset or do not know the method. Phase two: the branch is kept, shown with
 * what went wrong, called again, and done when a healthy server stands in its place; its sibling is done meanwhile.
 * Phase one: the run is cancelled, since nobody knows what its Try did.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { Coordinator } from '@tercet/coordinator';
import {
  type Tercet,
  type TransactionCancelledError,
  TryUnknownError,
  createTercet,
} from '@tercet/sdk';
import { shop } from '../support/shop';
import * as participants from './bad-input-participants';
import { type Message, PlainClient, branchOf, commitOf, registrationOf } from './bad-input-world';

jest.setTimeout(90_000);

const folder = mkdtempSync(join(tmpdir(), 'tercet-bad-participants-'));
const open: participants.Participant[] = [];
let coordinator: Coordinator;
let client: PlainClient;
let tercet: Tercet;

beforeAll(async () => {
  const config = { grpcAddress: '127.0.0.1:0', httpAddress: 'off', dataDir: folder };
  coordinator = new Coordinator({ config });
  const { grpcPort } = await coordinator.start();
  client = new PlainClient(`127.0.0.1:${grpcPort}`);
  tercet = createTercet({ coordinator: `127.0.0.1:${grpcPort}` });
});

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

afterAll(async () => {
  await tercet.close();
  client.close();
  await coordinator.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function started(
  make: () => Promise<participants.Participant>,
): Promise<participants.Participant> {
  const participant = await make();
  open.push(participant);
  return participant;
}

const impatient = {
  confirm_deadline_ms: 200,
  cancel_deadline_ms: 200,
  retry: { first_delay_ms: 50, max_delay_ms: 100 },
  stuck_after_ms: 1,
};

interface Pending {
  readonly branch_id: string;
  readonly attempts: number;
  readonly last_failure: { readonly grpc_code: number; readonly message: string };
}

type Row = [
  what: string,
  make: () => Promise<participants.Participant>,
  code: number,
  text: RegExp,
  reason: string,
];

const { UNAVAILABLE, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNKNOWN } = status;
const late = /^Deadline exceeded after /;

const rows: Row[] = [
  ['speaks another protocol', participants.garbage, UNAVAILABLE, /Protocol error/, 'UNREACHABLE'],
  ['takes connections and says nothing', participants.silent, DEADLINE_EXCEEDED, late, 'DEADLINE'],
  ['resets its connections', participants.resetting, UNAVAILABLE, /ECONNRESET/, 'UNREACHABLE'],
  ['hangs', participants.hanging, DEADLINE_EXCEEDED, late, 'DEADLINE'],
  ['resets the stream', participants.streamReset, INTERNAL, /RST_STREAM with code 2/, 'RETRYING'],
  [
    'answers half a message',
    participants.truncated,
    UNIMPLEMENTED,
    /^No message received$/,
    'UNIMPLEMENTED',
  ],
  [
    'answers OK without a message',
    participants.nothing,
    UNIMPLEMENTED,
    /^No message received$/,
    'UNIMPLEMENTED',
  ],
  [
    'answers a web page',
    participants.webPage,
    UNIMPLEMENTED,
    /HTTP status code 404/,
    'UNIMPLEMENTED',
  ],
  [
    'answers a status that does not exist',
    participants.oddStatus('4711'),
    UNKNOWN,
    /%ZZ/,
    'RETRYING',
  ],
  [
    'answers a status beyond all numbers',
    participants.oddStatus('99999999999'),
    UNKNOWN,
    /%ZZ/,
    'RETRYING',
  ],
  [
    'answers a status that is no number',
    participants.oddStatus('fine'),
    UNKNOWN,
    /%ZZ/,
    'RETRYING',
  ],
  [
    'does not know the method',
    participants.unimplemented,
    UNIMPLEMENTED,
    /any\.Stock\/Confirm/,
    'UNIMPLEMENTED',
  ],
];

describe('in phase two, a participant that', () => {
  it.each(rows)(
    '%s is called until it answers, and slows nobody',
    async (what, make, code, text, reason) => {
      const gid = what.replaceAll(' ', '-');
      const bad = await started(make);
      const good = await started(participants.healthy);
      const branches: Message[] = [
        branchOf(bad.target, impatient),
        // With the usual deadlines: on a busy machine it may need longer than the impatient ones, and would be called again.
        branchOf(good.target, { branch_id: '2' }),
      ];
      await client.call('RegisterBranches', registrationOf(gid, branches));
      const wish = { branch_ids: ['1', '2'], wait_for: 'FACT_EXECUTED', wait_ms: 1_500 };
      const committed = await client.call('Commit', commitOf(gid, wish));
      expect(committed).toMatchObject({
        status: 'TRANSACTION_STATUS_CONFIRMING',
        reached: 'FACT_DECIDED',
      });
      const pending = committed['pending'] as Pending[];
      expect(pending.map(({ branch_id }) => branch_id)).toEqual(['1']);
      expect(pending[0]?.attempts).toBeGreaterThan(0);
      expect(pending[0]?.last_failure).toMatchObject({
        grpc_code: code,
        message: expect.stringMatching(text),
      });
      expect(good.met()).toBe(1);
      const stuck = await client.call('ListStuckBranches', {});
      const rowsOfGid = (stuck['branches'] as { gid: string; branch: object }[]).filter(
        (row) => row.gid === gid,
      );
      expect(rowsOfGid).toMatchObject([
        { branch: { branch_id: '1', stuck_reason: `STUCK_REASON_${reason}` } },
      ]);

      await bad.close();
      open.splice(open.indexOf(bad), 1);
      const mended = await started(() => participants.healthy(bad.port));
      const wait = { gid, wait_for: 'FACT_SETTLED', wait_ms: 60_000 };
      expect(await client.call('WaitTransaction', wait)).toMatchObject({
        transaction: { status: 'TRANSACTION_STATUS_CONFIRMED' },
      });
      expect(mended.met()).toBeGreaterThan(0);
      expect(good.met()).toBe(1);
    },
  );
});

describe('in phase one, a participant that', () => {
  it.each(rows.filter(([what]) => what !== 'does not know the method'))(
    '%s leaves its Try unknown, and the run is cancelled',
    async (what, make) => {
      const gid = `try-${what.replaceAll(' ', '-')}`;
      const bad = await started(make);
      const run = tercet.run({ name: 'buy', gid, phaseTwoWaitMs: 1 }, (tx) =>
        tx.use(shop, { target: bad.target }).reserve({ sku: 'tea', quantity: 1 }),
      );
      const error = (await run.catch((caught: unknown) => caught)) as TransactionCancelledError;
      expect(error).toMatchObject({ code: 'TRANSACTION_CANCELLED', gid });
      expect(error.cause).toBeInstanceOf(TryUnknownError);
      expect(await client.truth(gid)).toMatchObject({
        transaction: {
          status: 'TRANSACTION_STATUS_CANCELLING',
          branches: [{ branch_id: '1', phase_one: 'PHASE_ONE_STATUS_UNKNOWN' }],
        },
      });
    },
  );

  it('does not know the method: nothing was begun, and the run is cancelled', async () => {
    const bad = await started(participants.unimplemented);
    const run = tercet.run({ name: 'buy', gid: 'try-unimplemented', phaseTwoWaitMs: 1 }, (tx) =>
      tx.use(shop, { target: bad.target }).reserve({ sku: 'tea', quantity: 1 }),
    );
    const error = (await run.catch((caught: unknown) => caught)) as TransactionCancelledError;
    expect(error).toMatchObject({ code: 'TRANSACTION_CANCELLED' });
    expect((error.cause as Error).message).toContain('ShopTcc/ReserveTry');
  });
});
