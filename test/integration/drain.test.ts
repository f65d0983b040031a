import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Metadata, status } from '@grpc/grpc-js';
import { UnaryChannel, type UnaryReply } from '@tercet/runtime';
import { defineTcc } from '@tercet/sdk';
// eslint-disable-next-line import-x/no-relative-packages -- the SDK's own test service, no part of what it exports
import { ShopTccService } from '../../packages/sdk/test/support/shop-service';
import { aFolder, afterTest } from '../support/clean-up';
import { aCoordinator, aParticipant, anInitiator } from '../support/shop';

const program = join(__dirname, '../support/draining-participant.ts');
const fromSource = ['--require', 'tsx/cjs', '--conditions=@tercet/source'];
const agency = defineTcc(
  ShopTccService,
  { reserve: { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } },
  { deadlines: { try: '15s' } },
);
const order = { sku: 'trip', quantity: 1 };

/** A running program, whose lines can be awaited. */
class Child {
  readonly lines: string[] = [];
  private readonly process;
  private readonly waiting = new Map<string, () => void>();
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(words: readonly string[]) {
    this.process = spawn(process.execPath, [...fromSource, program, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    afterTest(() => this.process.kill('SIGKILL'));
    this.ended = new Promise((resolve) =>
      this.process.once('exit', (code, signal) => resolve({ code, signal })),
    );
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.lines.push(line);
      this.waiting.get(line.split(' ')[0] ?? '')?.();
    });
  }

  /** The first line that begins with this word. */
  async line(word: string): Promise<string> {
    const known = this.lines.find((line) => line.split(' ')[0] === word);
    if (known !== undefined) return known;
    await new Promise<void>((resolve) => this.waiting.set(word, resolve));
    return this.line(word);
  }

  terminate(): void {
    this.process.kill('SIGTERM');
  }
}

function callPhase(
  channel: UnaryChannel,
  phase: 'try' | 'cancel',
  headers: Readonly<Record<string, string>>,
): Promise<UnaryReply> {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  metadata.set('tercet-phase', phase);
  const method = phase === 'try' ? ShopTccService.reserveTry : ShopTccService.reserveCancel;
  const payload = method.requestSerialize(order);
  return channel.call({ method: method.path, payload, metadata, deadlineMs: 15_000 });
}

describe('a participant that drains at SIGTERM', () => {
  it('ends its calls, nested Tries and fenced Cancels included, loses no answer, and exits by itself', async () => {
    const { port } = await aCoordinator(aFolder());
    const bank = await aParticipant();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    afterTest(() => release());
    const nested = new Promise<Readonly<Record<string, string>>>((resolve) => {
      bank.hooks.set('try charge', async (_request, { gid, runId }) => {
        resolve({
          'tercet-gid': gid,
          'tercet-run-id': runId,
          'tercet-branch-id': '1',
          'tercet-action': 'reserve',
          'tercet-attempt': '1',
          'tercet-not-after': '4000000000000',
        });
        await held;
      });
    });
    const child = new Child([`127.0.0.1:${port}`, bank.target]);
    const target = `127.0.0.1:${(await child.line('listening')).split(' ')[1]}`;

    const ran = anInitiator(port).run({ name: 'travel', phaseTwoWaitMs: 0 }, (tx) =>
      tx.use(agency, { target }).reserve(order),
    );
    const headers = await nested;
    const channel = new UnaryChannel(target);
    afterTest(() => channel.close());
    // A Cancel that waits for the running Try: nobody decided it, so only this test can have sent it.
    const fenced = callPhase(channel, 'cancel', headers);
    // One connection keeps the order of its calls: the Cancel has arrived when this one is answered.
    const other = { ...headers, 'tercet-branch-id': '9' };
    expect((await callPhase(channel, 'cancel', other)).code).toBe(status.OK);
    child.terminate();
    await child.line('draining');
    expect((await callPhase(channel, 'try', other)).code).toBe(status.UNAVAILABLE);
    expect(child.lines).not.toContain('drained');

    release();
    expect(await ran).toMatchObject({
      status: 'confirming',
      value: { reservationId: 'trip ann-1.1' },
    });
    expect((await fenced).code).toBe(status.OK);
    expect(await child.ended).toEqual({ code: 0, signal: null });
    await child.line('left');
    expect(child.lines.filter((line) => !line.startsWith('listening'))).toEqual([
      'try',
      'cancel',
      'draining',
      'try ends',
      'cancel',
      'drained',
      'timers 0',
      'left ',
    ]);
  }, 60_000);
});
