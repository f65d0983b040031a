/** HG1–HG3: what stands between a handler and its connection. */
import { expect, test } from '@jest/globals';
import { HandlerGate } from './handler-gate';

/** A gate with a connection that a test can end, and what was sent through it. */
function aGate() {
  const sent: string[] = [];
  const state = { ended: undefined as string | undefined };
  const gate = new HandlerGate({
    endingWords: (sql) => (sql === 'COMMIT' ? sql : undefined),
    ended: () => state.ended,
    answered: () => Promise.resolve(),
  });
  const send = (sql: string) =>
    gate.pass(sql, async () => {
      sent.push(sql);
      return sql;
    });
  return { gate, sent, state, send };
}

test('HG1 nothing passes before the handler starts, or after it ended', async () => {
  const { gate, sent, send } = aGate();
  await expect(send('a')).rejects.toThrow('before its handler started');
  gate.open();
  expect(await send('b')).toBe('b');
  expect(await gate.close()).toBeUndefined();
  await expect(send('c')).rejects.toThrow('after its handler had returned');
  expect(() => gate.passNow('d', () => 1)).toThrow('after its handler had returned');
  gate.open();
  await expect(send('e')).rejects.toThrow('after its handler had returned');
  expect(sent).toEqual(['b']);
});

test('HG2 one statement at a time; what comes after the end of the transaction is not sent', async () => {
  const { gate, sent, state, send } = aGate();
  gate.open();
  let finish: () => void = () => undefined;
  const first = gate.pass('first', async () => {
    sent.push('first');
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    state.ended = 'it is over';
  });
  const second = send('second');
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  expect(sent).toEqual(['first']);
  finish();
  await first;
  await expect(second).rejects.toThrow('the statement was not sent: it is over');
  expect(await gate.close()).toBe('it is over');
  expect([sent, gate.harm]).toEqual([['first'], 'it is over']);
});

test('HG2 the end waits for what was sent before it', async () => {
  const { gate, sent, send } = aGate();
  gate.open();
  const statements = [send('a'), send('b'), send('c')];
  await gate.close();
  expect(sent).toEqual(['a', 'b', 'c']);
  await Promise.all(statements);
});

test('HG3 who tries to end the transaction is told so, and it is harmed though the error is caught', async () => {
  const { gate, sent, send } = aGate();
  gate.open();
  await expect(send('COMMIT')).rejects.toThrow('COMMIT is refused');
  expect(await send('a')).toBe('a');
  expect(gate.refusal('rollback()').message).toMatch('rollback() is refused');
  await gate.close();
  expect([sent, gate.harm]).toEqual([
    ['a'],
    'the handler tried to end its local transaction by COMMIT',
  ]);
});

test('an error of a statement is remembered and passed on', async () => {
  const { gate, send } = aGate();
  gate.open();
  const failure = new Error('no');
  await expect(gate.pass('x', () => Promise.reject(failure))).rejects.toBe(failure);
  expect(() =>
    gate.passNow('y', () => {
      throw failure;
    }),
  ).toThrow(failure);
  expect(gate.lastError).toBe(failure);
  expect(await send('z')).toBe('z');
});
