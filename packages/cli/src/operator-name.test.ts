import { expect, test } from '@jest/globals';
import { operatorName } from './operator-name';

const machine = { user: () => 'root', host: () => 'ops-1' };

function nameless(): never {
  throw new Error('ENOENT: no such user');
}

test.each([
  ['USER', { USER: 'ann', LOGNAME: 'bob' }, 'ann@ops-1'],
  ['LOGNAME', { USER: '', LOGNAME: 'bob' }, 'bob@ops-1'],
  ['USERNAME', { USERNAME: 'eve' }, 'eve@ops-1'],
  ['the system', {}, 'root@ops-1'],
])('comes from %s', (_source, env, name) => {
  expect(operatorName(env, machine)).toBe(name);
});

test('is unknown where the system has no entry, on one line, and no longer than what is kept', () => {
  expect(operatorName({}, { ...machine, user: nameless })).toBe('unknown@ops-1');
  expect(operatorName({ USER: 'a\nb' }, machine)).toBe('a b@ops-1');
  expect(operatorName({ USER: 'x'.repeat(200) }, machine)).toBe('x'.repeat(128));
});
