/** What a claim believes (K1–K3 of claims.ts). */
import { describe, expect, test } from '@jest/globals';
import { StoreFailure } from '../../store';
import { claimPage } from './claims';
import { packetForm } from './packet-form';
import type { Row, Session } from './session';

type Answering = (sql: string) => { readonly rows?: readonly Row[]; readonly matched?: number };

/** A session whose server answers so; what it was asked is kept. */
function aSession(answering: Answering) {
  const asked: string[] = [];
  const attempt = async (statements: readonly string[]) => {
    return statements.map((sql, i) => {
      const { rows = [], matched = rows.length } = answering(sql);
      if (/^(SELECT|UPDATE)/.test(sql)) asked.push(sql.slice(0, 6));
      return { rows, matched, inTransaction: i < statements.length - 1 };
    });
  };
  const session: Partial<Session> = { form: packetForm, run: attempt, attempt };
  return { session: session as Session, asked };
}

const page = ['b', 'a'].map((gid) => ({ gid, run_id: 'run', epoch: 4 }));
const from = { owner: 'dead', limit: 10, skip: 0 };
const row = { status: 'trying', branches: 0, format: 1, run_id: 'run' };

describe('a claim', () => {
  test('whose change matches the whole page has it, and reads nothing more', async () => {
    const { session, asked } = aSession((sql) => {
      return sql.startsWith('UPDATE') ? { matched: 2 } : { rows: page };
    });
    expect(await claimPage(session, from, 'me')).toEqual(['a', 'b']);
    expect(asked).toEqual(['SELECT', 'UPDATE']);
  });

  test('of nothing changes nothing', async () => {
    const { session, asked } = aSession(() => ({}));
    expect(await claimPage(session, from, 'me')).toEqual([]);
    expect(asked).toEqual(['SELECT']);
  });

  test.each([
    ['is with somebody else', { ...row, owner: 'other', epoch: 5 }],
    ['was claimed by this node before', { ...row, owner: 'me', epoch: 9 }],
    ['is of another run', { ...row, owner: 'me', epoch: 5, run_id: 'another' }],
  ])('that gets a part of its page leaves out what %s (K2)', async (_, other) => {
    const { session } = aSession((sql) => {
      if (!sql.startsWith('SELECT')) return { matched: 1 };
      if (sql.includes('transactions_open')) return { rows: page };
      return {
        rows: [
          { ...other, gid: 'a' },
          { ...row, gid: 'b', owner: 'me', epoch: 5 },
        ],
      };
    });
    expect(await claimPage(session, from, 'me')).toEqual(['b']);
  });

  test('that cannot read what it got is in doubt, whatever hindered it (K3)', async () => {
    const { session } = aSession((sql) => {
      if (!sql.startsWith('SELECT')) return { matched: 1 };
      if (sql.includes('transactions_open')) return { rows: page };
      throw new StoreFailure('unavailable', 'away');
    });
    await expect(claimPage(session, from, 'me')).rejects.toMatchObject({ kind: 'unknown' });
  });

  test('that fails before its change is what it failed of', async () => {
    const { session } = aSession(() => {
      throw new StoreFailure('unavailable', 'away');
    });
    await expect(claimPage(session, from, 'me')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
