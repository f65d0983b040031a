import { describe, expect, test } from '@jest/globals';
import type { BarrierCall, BarrierEnd, BarrierWork } from '../../src/barrier/barrier';
import { branchCall, bytes, effect, memoryBarrier, settled, textOf } from './memory-barrier';
import { type MemoryDb, memoryDialect } from './memory-database';

/** Carries out, and shows the end with its reply as a text. */
async function ended(
  { barrier, time }: ReturnType<typeof memoryBarrier>,
  call: Partial<BarrierCall>,
  work: BarrierWork<MemoryDb> = effect(call.phase ?? 'try'),
): Promise<unknown> {
  const result = await settled(time, barrier.carryOut(branchCall(call), work));
  if (result.status === 'rejected') throw result.reason;
  return shown(result.value);
}

function shown(end: BarrierEnd): unknown {
  if (end.kind === 'conflict') return { kind: 'conflict' };
  return 'reply' in end ? { kind: end.kind, reply: textOf(end.reply) } : end;
}

const dialects = [
  ['step by step', memoryDialect()],
  ['with takeEnd', memoryDialect({ takeEnd: true })],
  ['with takeBoth', memoryDialect({ takeBoth: true })],
] as const;

describe.each(dialects)('calls of one branch, %s', (_name, dialect) => {
  test('B1 a Try is done once; a duplicate gets the stored reply', async () => {
    const it = memoryBarrier({}, dialect);
    expect(await ended(it, {})).toEqual({ kind: 'done', reply: 'try' });
    expect(await ended(it, { attempt: 2 }, effect('again'))).toEqual({
      kind: 'duplicate',
      reply: 'try',
    });
    expect(it.database.effects).toEqual(['try']);
  });

  test('B2 Confirm is done once, and a Cancel after it is a conflict that writes nothing', async () => {
    const it = memoryBarrier({}, dialect);
    await ended(it, {});
    expect(await ended(it, { phase: 'confirm' })).toEqual({ kind: 'done', reply: 'confirm' });
    expect(await ended(it, { phase: 'confirm' })).toEqual({ kind: 'duplicate', reply: 'confirm' });
    const before = structuredClone([...it.database.rows]);
    expect(await ended(it, { phase: 'cancel' })).toEqual({ kind: 'conflict' });
    expect([...it.database.rows]).toEqual(before);
    expect(it.database.trace.at(-1)).toBe('rollback');
    expect(it.database.effects).toEqual(['try', 'confirm']);
  });

  test('B2 Cancel is done once, and a Confirm after it is a conflict', async () => {
    const it = memoryBarrier({}, dialect);
    await ended(it, {});
    expect(await ended(it, { phase: 'cancel' })).toEqual({ kind: 'done', reply: 'cancel' });
    expect(await ended(it, { phase: 'cancel' })).toEqual({ kind: 'duplicate', reply: 'cancel' });
    expect(await ended(it, { phase: 'confirm' })).toEqual({ kind: 'conflict' });
    expect(it.database.effects).toEqual(['try', 'cancel']);
  });

  test('B3 a Confirm without a Try is a conflict that writes nothing', async () => {
    const it = memoryBarrier({}, dialect);
    expect(await ended(it, { phase: 'confirm' })).toEqual({ kind: 'conflict' });
    expect(it.database.rows.size).toBe(0);
  });

  test('B3 an empty Cancel writes marker and end, and refuses the late Try a first, second and third time', async () => {
    const it = memoryBarrier({}, dialect);
    expect(await ended(it, { phase: 'cancel' })).toEqual({ kind: 'empty' });
    const ops = [...it.database.rows].map(([key, { op }]) => `${key.split(' ').at(-1)} ${op}`);
    expect(ops).toEqual(['try cancel', 'end cancel']);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await ended(it, { attempt })).toEqual({ kind: 'late' });
    }
    expect(await ended(it, { phase: 'cancel' })).toEqual({ kind: 'duplicate', reply: '' });
    expect(await ended(it, { phase: 'confirm' })).toEqual({ kind: 'conflict' });
    expect(it.database.effects).toEqual([]);
  });

  test('B3 an empty Cancel with `call` does its work, with nothing of a Try', async () => {
    const it = memoryBarrier({}, dialect);
    const seen: unknown[] = [];
    const work: BarrierWork<MemoryDb> = async (opened) => {
      seen.push(opened.tried);
      return effect('cancel')(opened);
    };
    const call = { phase: 'cancel', cancelWhenTryUnknown: 'call' } as const;
    expect(await ended(it, call, work)).toEqual({ kind: 'done', reply: 'cancel' });
    expect(await ended(it, call, work)).toEqual({ kind: 'duplicate', reply: 'cancel' });
    expect(await ended(it, {})).toEqual({ kind: 'late' });
    expect(seen).toEqual([undefined]);
  });

  test.each(['confirm', 'cancel'] as const)(
    '%s gets the reply and the note of Try',
    async (phase) => {
      const it = memoryBarrier({}, dialect);
      const kept: BarrierWork<MemoryDb> = async () => ({ reply: bytes('r-1'), note: bytes('n-1') });
      await ended(it, {}, kept);
      let tried: unknown;
      await ended(it, { phase }, async (opened) => {
        tried = opened.tried;
        return effect(phase)(opened);
      });
      expect(tried).toEqual({ reply: bytes('r-1'), note: bytes('n-1') });
      expect(await settled(it.time, it.barrier.carryOut(branchCall(), kept))).toMatchObject({
        value: phase === 'cancel' ? { kind: 'late' } : { kind: 'duplicate', note: bytes('n-1') },
      });
    },
  );

  test('branches and runs are told apart', async () => {
    const it = memoryBarrier({}, dialect);
    await ended(it, {}, effect('a'));
    await ended(it, { branchId: '2' }, effect('b'));
    await ended(it, { runId: 'f'.repeat(32) }, effect('c'));
    expect(it.database.effects).toEqual(['a', 'b', 'c']);
  });
});

describe('the local transaction', () => {
  test('E1 the row comes first and the reply last', async () => {
    const it = memoryBarrier();
    await ended(it, {});
    expect(it.database.trace).toEqual([
      'begin',
      'insert try',
      'handlerStarts',
      'handlerEnded',
      'finish try',
      'commit',
    ]);
  });

  test('R1 every phase takes slot try before slot end', async () => {
    const it = memoryBarrier();
    const traceOf = async (call: Partial<BarrierCall>): Promise<string[]> => {
      it.database.trace.length = 0;
      await ended(it, call);
      return it.database.trace.filter((step) => /^(insert|lock)/.test(step));
    };
    await ended(it, {});
    expect(await traceOf({})).toEqual(['insert try', 'lock try', 'lock end']);
    expect(await traceOf({ phase: 'confirm' })).toEqual(['lock try', 'insert end']);
    expect(await traceOf({ phase: 'confirm' })).toEqual(['lock try', 'insert end', 'lock end']);
    expect(await traceOf({ phase: 'cancel' })).toEqual([
      'insert try',
      'lock try',
      'insert end',
      'lock end',
    ]);
    expect(await traceOf({ phase: 'cancel', branchId: '2' })).toEqual(['insert try', 'insert end']);
  });

  test('takeEnd leaves two statements of a Confirm', async () => {
    const it = memoryBarrier({}, memoryDialect({ takeEnd: true }));
    await ended(it, {});
    it.database.trace.length = 0;
    await ended(it, { phase: 'confirm' });
    expect(it.database.trace).toEqual([
      'begin',
      'take end',
      'handlerStarts',
      'handlerEnded',
      'finish end',
      'commit',
    ]);
  });

  test('takeBoth leaves two statements of a Cancel, whether its Try came or not', async () => {
    const it = memoryBarrier({}, memoryDialect({ takeEnd: true, takeBoth: true }));
    await ended(it, {});
    it.database.trace.length = 0;
    await ended(it, { phase: 'cancel' });
    const own = ['handlerStarts', 'handlerEnded'];
    expect(it.database.trace).toEqual(['begin', 'both', ...own, 'finish end', 'commit']);
    it.database.trace.length = 0;
    await ended(it, { phase: 'cancel', branchId: '2' });
    expect(it.database.trace).toEqual(['begin', 'both', 'finish end', 'commit']);
    await ended(it, { branchId: '3' });
    it.database.trace.length = 0;
    await ended(it, { phase: 'confirm', branchId: '3' });
    expect(it.database.trace).not.toContain('both');
  });

  test('a server that does not say what it found is not taken to have found nothing', async () => {
    const { insert } = memoryDialect();
    const it = memoryBarrier({}, { ...memoryDialect(), takeBoth: (marker) => insert(marker) });
    await expect(ended(it, { phase: 'cancel' })).rejects.toThrow('did not answer what is in slot');
    expect(it.database.rows.size).toBe(0);
  });

  test('E3 a duplicate, a late Try and a conflict end in ROLLBACK', async () => {
    const it = memoryBarrier();
    await ended(it, {});
    for (const call of [{}, { phase: 'confirm', branchId: '2' }] as const) {
      it.database.trace.length = 0;
      await ended(it, call);
      expect(it.database.trace.at(-1)).toBe('rollback');
      expect(it.database.trace).not.toContain('commit');
    }
    expect(it.database.openCount).toBe(0);
  });

  test('E2 the answer waits for COMMIT', async () => {
    const it = memoryBarrier();
    let committed = false;
    it.database.fault = (step) => {
      if (step === 'commit') committed = true;
      return undefined;
    };
    await it.barrier.carryOut(branchCall(), effect('try')).then(() => expect(committed).toBe(true));
  });

  test('it may be idle for the rest of the deadline and five seconds', async () => {
    const it = memoryBarrier();
    await ended(it, { deadline: it.time.now() + 2_000 });
    await ended(it, { branchId: '2', deadline: it.time.now() - 1 });
    await ended(it, { branchId: '3', deadline: undefined });
    expect(it.database.bounds.map(({ idleMs }) => idleMs)).toEqual([7_000, 5_000, 65_000]);
  });

  test('a second Try waits for the first, and gets its reply', async () => {
    const it = memoryBarrier();
    const slow: BarrierWork<MemoryDb> = async (opened) => {
      await new Promise<void>((resolve) => void it.time.after(500, resolve));
      return effect('try')(opened);
    };
    const both = Promise.all([
      it.barrier.carryOut(branchCall(), slow),
      it.barrier.carryOut(branchCall({ attempt: 2 }), slow),
    ]);
    const result = await settled(it.time, both);
    expect(result).toMatchObject({ value: [{ kind: 'done' }, { kind: 'duplicate' }] });
    expect(it.database.effects).toEqual(['try']);
  });
});
