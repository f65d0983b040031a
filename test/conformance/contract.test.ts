/** What the contracts themselves promise of every request, whoever sends it: read from the .proto files. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

interface Field {
  readonly type: string;
  readonly name: string;
}

const folder = join(__dirname, '../../proto/tercet/v1');
const text = readdirSync(folder)
  .map((file) => readFileSync(join(folder, file), 'utf8'))
  .join('\n')
  .replace(/\/\/.*$/gm, '');

/** Fields of each message; the contracts nest no messages. */
const messages = new Map<string, readonly Field[]>(
  [...text.matchAll(/^message (\w+) \{([^}]*)\}/gm)].map(([, message = '', body = '']) => [
    message,
    [...body.matchAll(/(\w+)>? (\w+) = \d+;/g)].map(([, type = '', name = '']) => ({ type, name })),
  ]),
);

/** Every field that a request carries, those of its parts included. */
function fieldsWithin(message: string, seen = new Set<string>()): readonly string[] {
  if (seen.has(message)) return [];
  seen.add(message);
  return (messages.get(message) ?? []).flatMap(({ type, name }) => [
    `${message}.${name}`,
    ...fieldsWithin(type, seen),
  ]);
}

function requestsOf(service: string): readonly string[] {
  const body = new RegExp(`service ${service} \\{([^}]*)\\}`).exec(text)?.[1] ?? '';
  return [...body.matchAll(/rpc \w+\((?:stream )?(\w+)\)/g)].map(([, request = '']) => request);
}

const requests = [...requestsOf('Coordinator'), ...requestsOf('Operator')];

describe('the contracts', () => {
  it('are read whole: every request, down to what a branch carries', () => {
    expect(requests).toHaveLength(12);
    expect(requests.filter((request) => !messages.has(request))).toEqual([]);
    const carried = fieldsWithin('RegisterBranchesRequest');
    expect(carried).toContain('Branch.forward_deadline_ms');
    expect(carried).toContain('RetryPolicy.first_delay_ms');
  });

  it('send no clock time in a request: durations are milliseconds that remain', () => {
    const carried = requests.flatMap((request) => fieldsWithin(request));
    expect(carried.filter((name) => /unix|_at$|_time$|until|timestamp/.test(name))).toEqual([]);
    const durations = /(timeout|deadline|delay|wait|after)(_|$)/;
    const unitless = carried.filter((name) => durations.test(name) && !name.endsWith('_ms'));
    // Not durations: an order between branches, the name of a fact, a command, what is done at the timeout.
    expect([...new Set(unitless)].sort()).toEqual([
      'Branch.after',
      'CommitRequest.wait_for',
      'RollbackRequest.wait_for',
      'SessionCommand.wait',
      'TransactionPolicy.on_timeout',
      'WaitTransactionRequest.wait_for',
    ]);
  });

  it('ask for the run id in every command of an initiator, and of no operator', () => {
    const naming = requests.filter((request) =>
      messages.get(request)?.some(({ name }) => name === 'run_id'),
    );
    expect(naming).toEqual(['RegisterBranchesRequest', 'CommitRequest', 'RollbackRequest']);
  });
});
