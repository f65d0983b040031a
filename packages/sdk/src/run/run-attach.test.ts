/** A run whose gid another run owns. */
import { describe, expect, it } from '@jest/globals';
import { AttachedError, TercetError, TransactionCancelledError } from '@tercet/sdk';
import { Scenario, bill, gate, item, shopIn } from '../../test/support/scenario';
import { aBranchView, aView, lost, refused, told } from '../../test/support/scripted-coordinator';

function owned(): Scenario {
  const s = new Scenario();
  s.coordinator.onRegister = () => refused('ANOTHER_RUN', { status: 'trying' });
  return s;
}

const branches = [aBranchView({ status: 'confirmed' }), aBranchView({})];

describe('a run that attaches', () => {
  it('rejects its Tries with AttachedError, ignores the callback, and gives the other run’s outcome', async () => {
    const s = owned();
    s.coordinator.onWait = () => told(aView({ branches: [aBranchView({ status: 'confirmed' })] }));
    const seen: unknown[] = [];
    const run = await s.outcome(async (tx) => {
      try {
        await tx.all([shopIn(tx).reserve(item), shopIn(tx).charge(bill)]);
      } catch (error) {
        seen.push(error, tx.signal.aborted);
        seen.push(
          await shopIn(tx)
            .charge(bill)
            .catch((later: unknown) => later),
        );
        throw new Error('the callback’s own trouble');
      }
    });
    expect(seen).toEqual([expect.any(AttachedError), true, expect.any(AttachedError)]);
    expect(run.value).toEqual({
      attached: true,
      gid: 'order-1',
      runId: 'f'.repeat(32),
      value: undefined,
      status: 'confirmed',
      branches: [expect.objectContaining({ branch: '1', status: 'confirmed' })],
    });
    expect(s.caller.calls).toEqual([]);
    expect(s.coordinator.kinds).toEqual(['register', 'wait']);
    expect(s.time.pending).toBe(0);
  });

  it('waits round after round until the other run has decided', async () => {
    const s = owned();
    s.coordinator.onWait = (request, n) =>
      n < 3
        ? later(s, request.waitMs, aView({ status: 'trying', reached: undefined }))
        : told(aView());
    const run = s.run((tx) => shopIn(tx).reserve(item));
    await s.time.advance(60_000);
    expect(run.value).toMatchObject({ attached: true, status: 'confirmed' });
    const waits = s.coordinator.requests('wait');
    expect(waits.map(({ waitFor }) => waitFor)).toEqual(['decided', 'decided', 'decided']);
    expect(waits[0]?.waitMs).toBe(20_000);
  });

  it('waits for Confirm as every run does, and is confirming after that', async () => {
    const s = owned();
    const view = aView({ status: 'confirming', reached: 'decided', branches });
    s.coordinator.onWait = (request) =>
      request.waitFor === 'decided' ? told(view) : later(s, request.waitMs, view);
    const run = s.run((tx) => shopIn(tx).reserve(item), { phaseTwoWaitMs: 500 });
    await s.time.advance(400);
    expect(run.ended).toBe(false);
    await s.time.advance(1_000);
    expect(run.value).toMatchObject({
      status: 'confirming',
      branches: [{ status: 'confirmed' }, { status: 'pending' }],
    });
  });

  it('rejects with TransactionCancelledError where the other run was rolled back', async () => {
    const s = owned();
    const lastFailure = { grpcCode: 14, message: 'away', peer: undefined };
    const view = { status: 'cancelling', reached: 'decided', cause: 'rollback' } as const;
    s.coordinator.onWait = () => told(aView({ ...view, branches: [aBranchView({ lastFailure })] }));
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toBeInstanceOf(TransactionCancelledError);
    expect(run.error).toMatchObject({
      status: 'cancelling',
      runId: 'f'.repeat(32),
      branches: [{ message: 'away' }],
    });
    expect((run.error as Error).cause).toBeInstanceOf(AttachedError);
    expect(s.coordinator.kinds).not.toContain('rollback');
  });

  it('waits at most its own timeout, then says that nothing is decided yet', async () => {
    const s = owned();
    const view = aView({ status: 'trying', reached: undefined, branches });
    s.coordinator.onWait = (request) => later(s, request.waitMs, view);
    const run = s.run((tx) => shopIn(tx).reserve(item), { timeout: '5s' });
    await s.time.advance(4_000);
    expect(run.ended).toBe(false);
    await s.time.advance(1_000);
    expect(run.error).toMatchObject({ name: 'TransactionPendingError', decision: undefined });
    expect(s.time.pending).toBe(0);
  });

  it('does not know the outcome where the coordinator is away or the caller aborts', async () => {
    const away = owned();
    away.coordinator.onWait = () => lost();
    const run = await away.outcome((tx) => shopIn(tx).reserve(item), { timeout: '3s' });
    expect(run.error).toMatchObject({ name: 'CoordinatorUnavailableError', decided: 'unknown' });

    const aborted = owned();
    aborted.coordinator.onWait = () => 'never';
    const caller = new AbortController();
    const other = aborted.run((tx) => shopIn(tx).reserve(item), { signal: caller.signal });
    await aborted.time.advance(100);
    caller.abort();
    await aborted.time.settle();
    expect(other.error).toMatchObject({ name: 'CoordinatorUnavailableError', decided: 'unknown' });
    expect(aborted.time.pending).toBe(0);
  });

  it('settles only when its callback has ended', async () => {
    const s = owned();
    const cleanup = gate<void>();
    const run = s.run(async (tx) => {
      await shopIn(tx)
        .reserve(item)
        .catch(() => {});
      await cleanup.promise;
    });
    await s.time.advance(1_000);
    expect(s.coordinator.kinds).toEqual(['register', 'wait']);
    expect(run.ended).toBe(false);
    cleanup.open();
    await s.time.settle();
    expect(run.value?.attached).toBe(true);
  });

  it('rejects with the error where the other run is no longer kept', async () => {
    const s = owned();
    s.coordinator.onWait = () => refused('TRANSACTION_NOT_FOUND');
    const run = await s.outcome((tx) => shopIn(tx).reserve(item));
    expect(run.error).toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
  });
});

describe('a gid that belongs to other work', () => {
  it('rejects the Try and the run with GID_CONFLICT, and neither waits nor rolls back', async () => {
    const s = new Scenario();
    s.coordinator.onRegister = () => refused('GID_CONFLICT');
    const seen: unknown[] = [];
    const run = await s.outcome((tx) =>
      shopIn(tx)
        .reserve(item)
        .catch((error: unknown) => seen.push(error)),
    );
    expect(seen).toEqual([run.error]);
    expect(run.error).toBeInstanceOf(TercetError);
    expect(run.error).toMatchObject({ code: 'GID_CONFLICT' });
    expect(s.coordinator.kinds).toEqual(['register']);
  });
});

async function later(
  s: Scenario,
  ms: number,
  view: ReturnType<typeof aView>,
): Promise<ReturnType<typeof told>> {
  await new Promise<void>((resolve) => s.time.after(ms, resolve));
  return told(view);
}
