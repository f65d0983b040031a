/** What connections set first. */
import { describe, expect, test } from '@jest/globals';
import { blockForm } from './block-form';
import { packetForm } from './packet-form';
import { setupOf } from './session-setup';

const answering = (...rows: readonly Record<string, string>[]) => {
  return [{ rows, matched: rows.length, inTransaction: false }];
};

describe('a connection that sends several statements in one message', () => {
  const { admit } = setupOf('write', packetForm);

  test('is not made to a node of a Galera cluster: the server may have become one (G1)', () => {
    const cluster = answering({ Variable_name: 'wsrep_on', Value: 'ON' });
    expect(() => admit?.(cluster)).toThrow(/Galera cluster: restart the coordinator/);
  });

  test('is made to any other server', () => {
    admit?.(answering({ Variable_name: 'wsrep_on', Value: 'OFF' }));
    admit?.(answering());
  });
});

describe('a connection to a cluster', () => {
  test.each(['read', 'write'] as const)('that %ss waits for what others have committed', (way) => {
    const { statements, admit } = setupOf(way, blockForm);
    expect(statements.join(';')).toContain('wsrep_sync_wait=7,wsrep_dirty_reads=0');
    expect(admit).toBeUndefined();
  });
});

describe('every connection', () => {
  test.each([packetForm, blockForm])('takes backslashes for what they are ($name)', (form) => {
    const modes = setupOf('write', form).statements.filter((sql) => sql.includes('sql_mode'));
    expect(modes).toEqual(["SET SESSION sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"]);
  });
});
