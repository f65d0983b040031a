/** A command that fails says exactly what the unary call says with its status and trailers. */
import { describe, expect, it } from '@jest/globals';
import { type ServiceError } from '@grpc/grpc-js';
import { type CommandFailure, ErrorInfo } from '@tercet/proto';
import {
  type World,
  branch,
  commit,
  get,
  registration,
  rollback,
  run,
  useWorlds,
  wait,
} from './support/grpc-world';
import type { Command } from './support/session-client';

const aWorld = useWorlds();
const methodOf = {
  register: 'registerBranches',
  commit: 'commit',
  rollback: 'rollback',
  get: 'getTransaction',
  wait: 'waitTransaction',
} as const;

/** What the unary call says, put as a command's failure. */
async function unaryFailure(world: World, { $case, value }: Command): Promise<CommandFailure> {
  const error = (await world.client.call(methodOf[$case], value as never).then(
    () => undefined,
    (reason: unknown) => reason,
  )) as ServiceError | undefined;
  if (error === undefined) throw new Error('the call was not refused');
  const [info] = error.metadata.get('tercet-error-bin');
  const decoded = ErrorInfo.decode(info as Buffer);
  expect(error.metadata.get('tercet-code')).toEqual([decoded.code]);
  return { grpcCode: error.code, message: error.details, info: decoded };
}

async function commandFailure(world: World, command: Command): Promise<CommandFailure> {
  const [answer] = await world.session().ask(command);
  if (answer?.$case !== 'failure') throw new Error('the command was not refused');
  return answer.value;
}

/** Ids in the log differ from error to error. */
function withoutErrorIds(failure: CommandFailure): unknown {
  return JSON.parse(JSON.stringify(failure).replace(/[0-9a-f]{12}/g, '<id>'));
}

const stranger = run.replace('0', 'f');
const cases: [code: string, command: Command][] = [
  ['INVALID_ARGUMENT', { $case: 'register', value: registration({ gid: 'ä' }) }],
  ['INVALID_ARGUMENT', { $case: 'wait', value: { ...wait, waitFor: 0 } }],
  [
    'NOT_BUILT_YET',
    { $case: 'register', value: registration({ gid: 'xa', branches: [branch({ mode: 4 })] }) },
  ],
  ['TRANSACTION_NOT_FOUND', { $case: 'get', value: { ...get, gid: 'nobody' } }],
  ['TRANSACTION_NOT_FOUND', { $case: 'rollback', value: { ...rollback, gid: 'nobody' } }],
  ['ANOTHER_RUN', { $case: 'register', value: registration({ runId: stranger }) }],
  [
    'GID_CONFLICT',
    { $case: 'register', value: registration({ open: { name: 'refund', labels: {} } }) },
  ],
  [
    'BRANCH_CONFLICT',
    {
      $case: 'register',
      value: registration({ branches: [branch({ payload: Buffer.from('other') })] }),
    },
  ],
  ['WRONG_RUN', { $case: 'commit', value: { ...commit, runId: stranger } }],
  ['BRANCHES_MISMATCH', { $case: 'commit', value: { ...commit, branchIds: ['1', '7'] } }],
];

describe('a failed command', () => {
  it.each(cases)('%s', async (code, command) => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const failure = await commandFailure(world, command);
    expect(failure.info?.code).toBe(code);
    expect(failure).toEqual(await unaryFailure(world, command));
  });

  it('WRONG_STATUS and ALREADY_DECIDED, after the decision', async () => {
    const world = await aWorld();
    world.caller.always('1', 'hold');
    await world.client.call('registerBranches', registration());
    await world.client.call('rollback', rollback);
    const afterwards: Command[] = [
      { $case: 'commit', value: commit },
      { $case: 'register', value: registration() },
    ];
    for (const [i, command] of afterwards.entries()) {
      const failure = await commandFailure(world, command);
      expect(failure.info?.code).toBe(['WRONG_STATUS', 'ALREADY_DECIDED'][i]);
      expect(failure).toEqual(await unaryFailure(world, command));
    }
  });

  it('STORE_UNAVAILABLE, while the store takes no writes', async () => {
    const world = await aWorld();
    world.store.failNext('unavailable', { applied: false });
    world.store.failNext('unavailable', { applied: false });
    const command: Command = { $case: 'register', value: registration() };
    const failure = await commandFailure(world, command);
    expect(failure).toMatchObject({
      message: 'the store takes no new work: scripted fault: unavailable',
      info: { code: 'STORE_UNAVAILABLE', retryable: true },
    });
    const release = world.store.holdNext();
    expect(await unaryFailure(world, command)).toEqual(failure);
    release();
  });

  it('INTERNAL: the bug stands in the log under the id of the failure, and nowhere else', async () => {
    const world = await aWorld();
    world.store.load = () => Promise.reject(new Error('secret path /var/x'));
    const command: Command = { $case: 'get', value: get };
    const failure = await commandFailure(world, command);
    expect(JSON.stringify(failure)).not.toContain('secret');
    expect(world.logger.lines.at(-1)?.fields['errorId']).toBe(failure.info?.details['error_id']);
    expect(withoutErrorIds(failure)).toEqual(withoutErrorIds(await unaryFailure(world, command)));
  });

  it('a message that is too long for a header is shortened in the same way', async () => {
    const world = await aWorld();
    await world.client.call('registerBranches', registration());
    const branchIds = Array.from({ length: 256 }, (_, i) => `1.${1_000_000 + i}`);
    const command: Command = { $case: 'commit', value: { ...commit, branchIds } };
    const failure = await commandFailure(world, command);
    expect(failure.message.length).toBeLessThanOrEqual(2_048);
    expect(failure).toEqual(await unaryFailure(world, command));
  });
});
