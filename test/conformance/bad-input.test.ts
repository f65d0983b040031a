/**
 * Bad input of every kind gets a clear error and loses nothing: each case is sent over real gRPC to a coordinator on
 * SQLite and is judged by status, code and text; afterwards the same connection works, and what was true is true still.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { Coordinator } from '@tercet/coordinator';
import { type Participant, healthy } from './bad-input-participants';
import {
  type Message,
  PlainClient,
  branchOf,
  commitOf,
  otherRun,
  registrationOf,
  rollbackOf,
} from './bad-input-world';

jest.setTimeout(60_000);

const folder = mkdtempSync(join(tmpdir(), 'tercet-bad-input-'));
const config = { grpcAddress: '127.0.0.1:0', httpAddress: '127.0.0.1:0', dataDir: folder };
let coordinator: Coordinator;
let participant: Participant;
let client: PlainClient;
let grpcPort = 0;
let httpPort = 0;

beforeAll(async () => {
  participant = await healthy();
  coordinator = new Coordinator({ config });
  const started = await coordinator.start();
  ({ grpcPort } = started);
  httpPort = started.httpPort ?? 0;
  client = new PlainClient(`127.0.0.1:${grpcPort}`);
});

afterAll(async () => {
  client.close();
  await coordinator.stop();
  await participant.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Brings a fresh gid where a case begins. */
const begin = {
  nowhere: async () => undefined,
  trying: async (gid: string) => {
    await client.call('RegisterBranches', registrationOf(gid, [branchOf(participant.target)]));
  },
  confirmed: async (gid: string) => {
    await begin.trying(gid);
    await client.call('Commit', commitOf(gid));
  },
  cancelled: async (gid: string) => {
    await begin.trying(gid);
    await client.call('Rollback', rollbackOf(gid));
  },
};

interface Case {
  readonly from: keyof typeof begin;
  readonly method: string;
  readonly request: (gid: string) => Message;
  readonly status: number;
  readonly code: string;
  /** `<gid>` stands for the gid. */
  readonly text: string;
}

let cases = 0;

async function judge({ from, method, request, ...expected }: Case): Promise<void> {
  const gid = `case-${++cases}`;
  await begin[from](gid);
  const before = await client.truth(gid);
  const refusal = await client.refusal(method, request(gid));
  expect({ ...refusal, text: refusal.text.replaceAll(gid, '<gid>') }).toEqual(expected);
  // The connection goes on, nothing was lost, nothing was begun.
  expect(await client.truth(gid)).toEqual(before);
  if (from === 'nowhere') {
    expect(before).toBe('unknown');
    await begin.confirmed(gid);
    expect(await client.truth(gid)).toMatchObject({
      transaction: { status: 'TRANSACTION_STATUS_CONFIRMED' },
    });
  }
}

const precondition = status.FAILED_PRECONDITION;
const invalid = { status: status.INVALID_ARGUMENT, code: 'INVALID_ARGUMENT' };
const notFound = {
  status: status.NOT_FOUND,
  code: 'TRANSACTION_NOT_FOUND',
  text: 'no transaction <gid> is kept',
};
const branch = (over: Message = {}): Message => branchOf(participant.target, over);
const register =
  (over: Message): Case['request'] =>
  (gid) =>
    registrationOf(gid, [branch()], over);
const registerBranch =
  (over: () => Message): Case['request'] =>
  (gid) =>
    registrationOf(gid, [branch(over())]);
const registerMany =
  (count: number): Case['request'] =>
  (gid) =>
    registrationOf(
      gid,
      Array.from({ length: count }, (_, i) => branch({ branch_id: String(i + 1) })),
    );
const opened =
  (over: Message): Case['request'] =>
  (gid) =>
    registrationOf(gid, [branch()], { open: { name: 'checkout', ...over } });

describe('a gid that nobody knows', () => {
  it.each<[string, Case['request']]>([
    ['RegisterBranches', register({ open: undefined })],
    ['Commit', commitOf],
    ['Rollback', rollbackOf],
    ['GetTransaction', (gid) => ({ gid })],
    ['WaitTransaction', (gid) => ({ gid, wait_for: 'FACT_DECIDED', wait_ms: 1 })],
    ['DescribeTransaction', (gid) => ({ gid })],
    ['RetryBranches', (gid) => ({ gid })],
    ['ResumeBranches', (gid) => ({ gid })],
    [
      'ResolveBranch',
      (gid) => ({
        gid,
        branch_id: '1',
        as: 'BRANCH_STATUS_CONFIRMED',
        reason: 'seen in the books',
        by: 'ann',
      }),
    ],
  ])('is NOT_FOUND for %s', async (method, request) => {
    await judge({ from: 'nowhere', method, request, ...notFound });
  });

  it('is one whose letters differ in case', async () => {
    await begin.trying('Order-ABC');
    expect(await client.refusal('GetTransaction', { gid: 'order-abc' })).toMatchObject({
      ...notFound,
      text: 'no transaction order-abc is kept',
    });
    await begin.trying('order-abc');
    await client.call('Commit', commitOf('order-abc'));
    expect(await client.truth('Order-ABC')).toMatchObject({
      transaction: { gid: 'Order-ABC', status: 'TRANSACTION_STATUS_TRYING' },
    });
  });
});

describe('a contradiction', () => {
  it.each<[string, Case]>([
    [
      'commit after rollback',
      {
        from: 'cancelled',
        method: 'Commit',
        request: commitOf,
        status: precondition,
        code: 'WRONG_STATUS',
        text: 'cannot commit: transaction <gid> is cancelled',
      },
    ],
    [
      'rollback after commit',
      {
        from: 'confirmed',
        method: 'Rollback',
        request: rollbackOf,
        status: precondition,
        code: 'WRONG_STATUS',
        text: 'cannot roll back: transaction <gid> is confirmed',
      },
    ],
    [
      'commit with a branch too few',
      {
        from: 'trying',
        method: 'Commit',
        request: (gid) => commitOf(gid, { branch_ids: [] }),
        status: precondition,
        code: 'BRANCHES_MISMATCH',
        text: 'Commit must list exactly the registered branches; registered but not listed: 1',
      },
    ],
    [
      'commit with a branch too many',
      {
        from: 'trying',
        method: 'Commit',
        request: (gid) => commitOf(gid, { branch_ids: ['1', '2'] }),
        status: precondition,
        code: 'BRANCHES_MISMATCH',
        text: 'Commit must list exactly the registered branches; listed but not registered: 2',
      },
    ],
    [
      'commit with a nested branch that is not registered',
      {
        from: 'trying',
        method: 'Commit',
        request: (gid) => commitOf(gid, { branch_ids: ['1', '1.1'] }),
        status: precondition,
        code: 'BRANCHES_MISMATCH',
        text: 'Commit must list exactly the registered branches; listed but not registered: 1.1',
      },
    ],
    [
      'registration by another run',
      {
        from: 'trying',
        method: 'RegisterBranches',
        request: register({ run_id: otherRun }),
        status: status.ALREADY_EXISTS,
        code: 'ANOTHER_RUN',
        text: 'Another run owns this gid.',
      },
    ],
    [
      'registration by another run, once it is decided',
      {
        from: 'confirmed',
        method: 'RegisterBranches',
        request: register({ run_id: otherRun }),
        status: status.ALREADY_EXISTS,
        code: 'ANOTHER_RUN',
        text: 'Another run owns this gid.',
      },
    ],
    [
      'registration of other work under the same gid',
      {
        from: 'trying',
        method: 'RegisterBranches',
        request: register({ run_id: otherRun, open: { name: 'refund' } }),
        status: status.ALREADY_EXISTS,
        code: 'GID_CONFLICT',
        text: 'gid <gid> belongs to a transaction named checkout, not refund',
      },
    ],
    [
      'commit by another run',
      {
        from: 'trying',
        method: 'Commit',
        request: (gid) => commitOf(gid, { run_id: otherRun }),
        status: precondition,
        code: 'WRONG_RUN',
        text: 'Only the run that opened the transaction may do that.',
      },
    ],
    [
      'rollback by another run',
      {
        from: 'trying',
        method: 'Rollback',
        request: (gid) => rollbackOf(gid, { run_id: otherRun }),
        status: precondition,
        code: 'WRONG_RUN',
        text: 'Only the run that opened the transaction may do that.',
      },
    ],
    [
      'the same branch id with other bytes',
      {
        from: 'trying',
        method: 'RegisterBranches',
        request: registerBranch(() => ({ payload: Buffer.from([1]) })),
        status: status.ALREADY_EXISTS,
        code: 'BRANCH_CONFLICT',
        text: 'branch 1 is registered with another target, other methods or another payload',
      },
    ],
    [
      'the same branch id at another target',
      {
        from: 'trying',
        method: 'RegisterBranches',
        request: registerBranch(() => ({ target: 'elsewhere:1' })),
        status: status.ALREADY_EXISTS,
        code: 'BRANCH_CONFLICT',
        text: 'branch 1 is registered with another target, other methods or another payload',
      },
    ],
    [
      'a repeated registration after the commit',
      {
        from: 'confirmed',
        method: 'RegisterBranches',
        request: register({}),
        status: precondition,
        code: 'ALREADY_DECIDED',
        text: 'The transaction is decided: no Try may be sent.',
      },
    ],
    [
      'a new branch after the rollback',
      {
        from: 'cancelled',
        method: 'RegisterBranches',
        request: registerBranch(() => ({ branch_id: '2' })),
        status: precondition,
        code: 'ALREADY_DECIDED',
        text: 'The transaction is decided: no Try may be sent.',
      },
    ],
    [
      'a nested branch whose parent is not registered',
      {
        from: 'trying',
        method: 'RegisterBranches',
        request: registerBranch(() => ({ branch_id: '2.1' })),
        ...invalid,
        text: 'branch 2.1 is nested in branch 2, which is not registered',
      },
    ],
  ])('%s', async (_, row) => {
    await judge(row);
  });
});

describe('a request that cannot be right', () => {
  const gidText = 'gid must be 1 to 128 visible ASCII characters without blanks, got';

  it.each([
    ['empty', '', 'an empty text'],
    ['too long', 'x'.repeat(129), `"${'x'.repeat(40)}…" (129 characters)`],
    ['a blank', 'order 1', '"order 1"'],
    ['a letter beyond ASCII', 'größe', '"größe"'],
    ['a control character', 'a\u0007', '"a\\u0007"'],
  ])('gid: %s', async (_, gid, got) => {
    const expected = { ...invalid, text: `${gidText} ${got}` };
    const calls: [string, Message][] = [
      ['RegisterBranches', registrationOf(gid, [branch()])],
      ['Commit', commitOf(gid)],
      ['Rollback', rollbackOf(gid)],
      ['GetTransaction', { gid }],
      ['WaitTransaction', { gid, wait_for: 'FACT_DECIDED', wait_ms: 1 }],
      ['DescribeTransaction', { gid }],
    ];
    for (const [method, request] of calls) {
      expect(await client.refusal(method, request)).toEqual(expected);
    }
  });

  it('takes a gid of 128 characters', async () => {
    await begin.confirmed('~'.repeat(128));
  });

  const target = 'branches[0].target';
  const examples =
    'such as stock:50051, dns:///stock:50051, ipv4:10.0.0.7:50051 or ipv6:[fd00::7]:50051';
  const itself = `${target}: names this coordinator itself, which cannot be a participant, got`;
  const path = 'a full gRPC method path such as /shop.StockTcc/ReserveTry, got';
  const reserved = 'methods of tercet.v1 and grpc.* cannot be branches, got';
  const megabyteAndOne = Buffer.alloc(1_048_577);

  it.each<[string, Case['request'], string]>([
    [
      'a run id of another kind',
      register({ run_id: 'AB'.repeat(16) }),
      `run_id must be 32 lowercase hex digits, got "${'AB'.repeat(16)}"`,
    ],
    ['no branches', (gid) => registrationOf(gid, []), 'branches: register at least one branch'],
    ['257 branches', registerMany(257), 'branches: at most 256 in a transaction, got 257'],
    [
      'branches nested 9 deep',
      registerBranch(() => ({ branch_id: '1.1.1.1.1.1.1.1.1' })),
      'branches[0].branch_id: branches nest at most 8 deep, "1.1.1.1.1.1.1.1.1" is 9 deep',
    ],
    [
      'a branch id of another kind',
      registerBranch(() => ({ branch_id: '01' })),
      'branches[0].branch_id must be a number such as 1 or 12 (nested: 1.2), got "01"',
    ],
    [
      'a timeout of 0',
      opened({ timeout_ms: 0 }),
      'open.timeout_ms: 1 to 86400000 milliseconds, got 0',
    ],
    [
      'a timeout above 24 hours',
      opened({ timeout_ms: 86_400_001 }),
      'open.timeout_ms: 1 to 86400000 milliseconds, got 86400001',
    ],
    // The contract has no negative numbers: -1 is the largest one.
    [
      'a timeout of -1',
      opened({ timeout_ms: -1 }),
      'open.timeout_ms: 1 to 86400000 milliseconds, got 4294967295',
    ],
    [
      'a payload above 1 MiB',
      registerBranch(() => ({ payload: megabyteAndOne })),
      'branches[0].payload: at most 1048576 bytes, got 1048577',
    ],
    [
      'a confirm payload above 1 MiB',
      registerBranch(() => ({ confirm_payload: megabyteAndOne })),
      'branches[0].confirm_payload: at most 1048576 bytes, got 1048577',
    ],
    [
      'a cancel payload above 1 MiB',
      registerBranch(() => ({ cancel_payload: megabyteAndOne })),
      'branches[0].cancel_payload: at most 1048576 bytes, got 1048577',
    ],
    [
      'a target without a port',
      registerBranch(() => ({ target: 'stock' })),
      `${target}: the port is missing; write a target ${examples}, got "stock"`,
    ],
    [
      'a target with a scheme that leads elsewhere',
      registerBranch(() => ({ target: 'unix:/run/stock.sock' })),
      `${target}: the scheme unix is not taken; write a target ${examples}, got "unix:/run/stock.sock"`,
    ],
    [
      'a target that is a URL',
      registerBranch(() => ({ target: 'http://stock:50051' })),
      `${target}: the scheme http is not taken; write a target ${examples}, got "http://stock:50051"`,
    ],
    [
      'a target with a port that is none',
      registerBranch(() => ({ target: 'stock:70000' })),
      `${target}: the port must be a number from 1 to 65535; write a target ${examples}, got "stock:70000"`,
    ],
    [
      'a target that is the coordinator’s gRPC',
      registerBranch(() => ({ target: `127.0.0.1:${grpcPort}` })),
      `${itself} "127.0.0.1:<grpc>"`,
    ],
    [
      'a target that is the coordinator by name',
      registerBranch(() => ({ target: `dns:///LOCALHOST:${grpcPort}` })),
      `${itself} "dns:///LOCALHOST:<grpc>"`,
    ],
    [
      'a target that is the coordinator in another spelling',
      registerBranch(() => ({ target: `ipv6:[::ffff:127.0.0.1]:${grpcPort}` })),
      `${itself} "ipv6:[::ffff:127.0.0.1]:<grpc>"`,
    ],
    [
      'a target that is the coordinator on all interfaces',
      registerBranch(() => ({ target: `[::]:${grpcPort}` })),
      `${itself} "[::]:<grpc>"`,
    ],
    [
      'a target that is the coordinator’s HTTP',
      registerBranch(() => ({ target: `localhost:${httpPort}` })),
      `${itself} "localhost:<http>"`,
    ],
    [
      'a list of targets with the coordinator in it',
      registerBranch(() => ({ target: `ipv4:10.0.0.7:50051,127.0.0.1:${grpcPort}` })),
      `${itself} "ipv4:10.0.0.7:50051,127.0.0.1:<grpc>"`,
    ],
    [
      'a method that is no path',
      registerBranch(() => ({ forward_method: 'ReserveTry' })),
      `branches[0].forward_method: ${path} "ReserveTry"`,
    ],
    [
      'a method with too many parts',
      registerBranch(() => ({ confirm_method: '/a/b/c' })),
      `branches[0].confirm_method: ${path} "/a/b/c"`,
    ],
    [
      'a method of the coordinator',
      registerBranch(() => ({ confirm_method: '/tercet.v1.Coordinator/Rollback' })),
      `branches[0].confirm_method: ${reserved} /tercet.v1.Coordinator/Rollback`,
    ],
    [
      'a method of the operator’s service',
      registerBranch(() => ({ cancel_method: '/tercet.v1.Operator/ListTransactions' })),
      `branches[0].cancel_method: ${reserved} /tercet.v1.Operator/ListTransactions`,
    ],
    [
      'a method of health',
      registerBranch(() => ({ forward_method: '/grpc.health.v1.Health/Check' })),
      `branches[0].forward_method: ${reserved} /grpc.health.v1.Health/Check`,
    ],
    [
      'a method of reflection',
      registerBranch(() => ({
        forward_method: '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
      })),
      `branches[0].forward_method: ${reserved} /grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo`,
    ],
  ])('%s', async (_, request, text) => {
    const own = text.replace('<grpc>', String(grpcPort)).replace('<http>', String(httpPort));
    await judge({ from: 'nowhere', method: 'RegisterBranches', request, ...invalid, text: own });
  });

  it('a registration above the message limit, however its branches are', async () => {
    const payload = Buffer.alloc(1_048_576);
    const branches = [1, 2, 3, 4, 5].map((id) => branch({ branch_id: String(id), payload }));
    const request = (gid: string): Message => registrationOf(gid, branches);
    const gid = 'too-large';
    const refusal = await client.refusal('RegisterBranches', request(gid));
    expect(refusal).toEqual({
      status: status.RESOURCE_EXHAUSTED,
      // gRPC itself refuses it, before any of it is read.
      code: undefined,
      text: expect.stringMatching(/^Received message larger than max \(\d+ vs 4259840\)$/),
    });
    expect(await client.truth(gid)).toBe('unknown');
    // Split into two requests of the same run, as docs/protocol.md says, it passes.
    await client.call('RegisterBranches', registrationOf(gid, branches.slice(0, 3)));
    await client.call('RegisterBranches', registrationOf(gid, branches.slice(3)));
    await client.call('Commit', commitOf(gid, { branch_ids: ['1', '2', '3', '4', '5'] }));
  });

  it('256 branches are taken, one more is refused with those that are there', async () => {
    await client.call('RegisterBranches', registerMany(256)('many'));
    const more = registrationOf('many', [branch({ branch_id: '257' })]);
    const before = await client.truth('many');
    expect(await client.refusal('RegisterBranches', more)).toMatchObject({
      ...invalid,
      text: 'a transaction has at most 256 branches, this would be number 257',
    });
    expect(await client.truth('many')).toEqual(before);
    await client.call('Rollback', rollbackOf('many', { tries: [], wait_ms: 0 }));
  });

  it('branches nested 8 deep are taken', async () => {
    const ids = Array.from({ length: 8 }, (_, i) =>
      Array(i + 1)
        .fill('1')
        .join('.'),
    );
    const branches = ids.map((branch_id) => branch({ branch_id }));
    await client.call('RegisterBranches', registrationOf('deep', branches));
    await client.call('Commit', commitOf('deep', { branch_ids: ids }));
    expect(await client.truth('deep')).toMatchObject({
      transaction: { status: 'TRANSACTION_STATUS_CONFIRMED' },
    });
  });

  it('a timeout of exactly 24 hours is taken', async () => {
    await client.call('RegisterBranches', opened({ timeout_ms: 86_400_000 })('long'));
    await client.call('Commit', commitOf('long'));
  });
});

describe('every call may be repeated', () => {
  const twice = async (method: string, request: Message): Promise<[Message, Message]> => [
    await client.call(method, request),
    await client.call(method, request),
  ];
  const without = ({ remaining_ms: _, ...rest }: Message): Message => rest;

  it('RegisterBranches: the same branches, no second transaction', async () => {
    const gid = 'repeat-register';
    const request = registrationOf(gid, [branch(), branch({ branch_id: '2' })]);
    const [first, second] = await twice('RegisterBranches', request);
    expect(without(second)).toEqual(without(first));
    const truth = (await client.truth(gid)) as { transaction: { branches: unknown[] } };
    expect(truth.transaction.branches).toHaveLength(2);
    const [, listed] = await twice('ListTransactions', { gid_prefix: gid });
    expect(listed['transactions']).toHaveLength(1);
  });

  it('Commit and Rollback: the same decision, each branch called once', async () => {
    for (const [method, request] of [
      ['Commit', commitOf],
      ['Rollback', rollbackOf],
    ] as const) {
      const gid = `repeat-${method}`;
      await begin.trying(gid);
      const met = participant.met();
      const [first, second] = await twice(method, request(gid));
      expect(second).toEqual(first);
      expect(participant.met()).toBe(met + 1);
    }
  });

  it.each<[string, (gid: string) => Message]>([
    ['GetTransaction', (gid) => ({ gid })],
    ['WaitTransaction', (gid) => ({ gid, wait_for: 'FACT_SETTLED', wait_ms: 1_000 })],
    ['DescribeTransaction', (gid) => ({ gid })],
    ['ListTransactions', (gid) => ({ gid_prefix: gid })],
    ['ListStuckBranches', () => ({})],
  ])('%s: the same answer', async (method, request) => {
    const gid = `repeat-${method}`;
    await begin.confirmed(gid);
    const [{ now_unix_ms: _, ...first }, { now_unix_ms: __, ...second }] = await twice(
      method,
      request(gid),
    );
    expect(second).toEqual(first);
  });

  it('RetryBranches, ResumeBranches and ResolveBranch: the present truth', async () => {
    const gid = 'repeat-verbs';
    // Port 1 belongs to nobody here.
    const request = registrationOf(gid, [branchOf('127.0.0.1:1')]);
    await client.call('RegisterBranches', request);
    await client.call('Commit', commitOf(gid, { wait_ms: 0 }));
    for (const answer of await twice('RetryBranches', { gid })) {
      expect(answer).toMatchObject({
        transaction: { gid, status: 'TRANSACTION_STATUS_CONFIRMING' },
        changed_branch_ids: ['1'],
      });
    }
    for (const answer of await twice('ResumeBranches', { gid })) {
      expect(answer).toMatchObject({ transaction: { gid }, changed_branch_ids: [] });
    }
    const verdict = { as: 'BRANCH_STATUS_CONFIRMED', reason: 'seen in the books', by: 'ann' };
    const [first, second] = await twice('ResolveBranch', { gid, branch_id: '1', ...verdict });
    expect([first['recorded'], second['recorded']]).toEqual([true, false]);
    expect(second['transaction']).toMatchObject({
      branches: [{ status: 'BRANCH_STATUS_CONFIRMED', verdict: { by: 'ann' } }],
    });
  });

  it('also over another connection, and after the coordinator was started again', async () => {
    const gid = 'repeat-after';
    await begin.trying(gid);
    const decided = await client.call('Commit', commitOf(gid));
    const truth = await client.truth(gid);
    await coordinator.stop();
    client.close();
    coordinator = new Coordinator({ config });
    const started = await coordinator.start();
    ({ grpcPort } = started);
    httpPort = started.httpPort ?? 0;
    client = new PlainClient(`127.0.0.1:${grpcPort}`);
    expect(await client.truth(gid)).toEqual(truth);
    expect(await client.call('Commit', commitOf(gid))).toEqual(decided);
    expect(await client.refusal('Rollback', rollbackOf(gid))).toEqual({
      status: precondition,
      code: 'WRONG_STATUS',
      text: `cannot roll back: transaction ${gid} is confirmed`,
    });
  });
});
