/** Every enum in a request: what each of its values does, and how it is sent. */
import {
  type Branch,
  BranchDriver,
  BranchMode,
  BranchStatus,
  Dialect,
  Fact,
  OnTimeout,
  type Opening,
  PhaseOneStatus,
  PhaseTwoOrder,
  StuckReason,
  TransactionStatus,
} from '@tercet/proto';
import type { CoordinatorClient } from './coordinator-client';
import { branch, commit, list, registration, resolve, rollback, stuck, wait } from './grpc-world';

/** Sends one request. */
export type Send = (client: CoordinatorClient) => Promise<unknown>;

/** Registers one branch and opens. */
export function register(over: Partial<Branch>): Send {
  return (client) => client.call('registerBranches', registration({ branches: [branch(over)] }));
}

/** Opens with one branch. */
export function open(over: Partial<Opening>): Send {
  const opening = { name: 'checkout', labels: {}, ...over };
  return (client) => client.call('registerBranches', registration({ open: opening }));
}

/** Opens with a policy. */
export function openWith(onTimeout: OnTimeout, phaseTwoOrder: PhaseTwoOrder, askTarget = ''): Send {
  return open({ policy: { onTimeout, phaseTwoOrder, askTarget } });
}

/** An enum field of a request. */
export interface EnumField {
  readonly rpc: string;
  readonly field: string;
  /** The enum of the contracts. */
  readonly values: object;
  readonly send: (client: CoordinatorClient, value: never) => Promise<unknown>;
  /** What 0 does. */
  readonly zero: 'accepted' | 'refused';
  /** Known to the contracts, not built. */
  readonly unbuilt?: readonly number[];
  /** Known to the contracts, never right in this field. */
  readonly wrong?: readonly number[];
  /** The request needs the transaction to be there. */
  readonly opened?: boolean;
}

const enumFields: readonly EnumField[] = [
  {
    rpc: 'RegisterBranches',
    field: 'branches[0].mode',
    values: BranchMode,
    send: (client, mode) => register({ mode })(client),
    zero: 'accepted',
    unbuilt: [2, 3, 4],
  },
  {
    rpc: 'RegisterBranches',
    field: 'branches[0].driver',
    values: BranchDriver,
    send: (client, driver) => register({ driver })(client),
    zero: 'accepted',
    unbuilt: [2, 3],
  },
  {
    rpc: 'RegisterBranches',
    field: 'branches[0].dialect',
    values: Dialect,
    send: (client, dialect) => register({ dialect })(client),
    zero: 'accepted',
    unbuilt: [2],
  },
  {
    rpc: 'RegisterBranches',
    field: 'open.policy.on_timeout',
    values: OnTimeout,
    send: (client, onTimeout) => openWith(onTimeout, 0)(client),
    zero: 'accepted',
    unbuilt: [2, 3],
  },
  {
    rpc: 'RegisterBranches',
    field: 'open.policy.phase_two_order',
    values: PhaseTwoOrder,
    send: (client, phaseTwoOrder) => openWith(0, phaseTwoOrder)(client),
    zero: 'accepted',
    unbuilt: [4],
  },
  {
    rpc: 'Commit',
    field: 'wait_for',
    values: Fact,
    send: (client, waitFor) => client.call('commit', { ...commit, waitFor, waitMs: 0 }),
    zero: 'accepted',
    opened: true,
  },
  {
    rpc: 'Rollback',
    field: 'wait_for',
    values: Fact,
    send: (client, waitFor) => client.call('rollback', { ...rollback, waitFor }),
    zero: 'accepted',
    opened: true,
  },
  {
    rpc: 'WaitTransaction',
    field: 'wait_for',
    values: Fact,
    send: (client, waitFor) => client.call('waitTransaction', { ...wait, waitFor }),
    zero: 'refused',
    opened: true,
  },
  {
    rpc: 'Rollback',
    field: 'tries[0].outcome',
    values: PhaseOneStatus,
    send: (client, outcome) =>
      client.call('rollback', { ...rollback, tries: [{ branchId: '1', outcome }] }),
    zero: 'refused',
    wrong: [PhaseOneStatus.PHASE_ONE_STATUS_STARTED],
    opened: true,
  },
  {
    rpc: 'ResolveBranch',
    field: 'as',
    values: BranchStatus,
    // Of a branch that has confirmed: `cancelled` contradicts the decision.
    send: async (client, as) => {
      const ended = { gid: 'ended' };
      await client.call('registerBranches', registration(ended));
      await client.call('commit', { ...commit, ...ended });
      return await client.call('resolveBranch', { ...resolve, ...ended, as });
    },
    zero: 'refused',
    unbuilt: [BranchStatus.BRANCH_STATUS_CANCELLED],
    wrong: [BranchStatus.BRANCH_STATUS_REGISTERED],
  },
  {
    rpc: 'ListTransactions',
    field: 'statuses[1]',
    values: TransactionStatus,
    send: (client, value) =>
      client.call('listTransactions', {
        ...list,
        statuses: [TransactionStatus.TRANSACTION_STATUS_TRYING, value],
      }),
    zero: 'refused',
  },
  {
    rpc: 'ListStuckBranches',
    field: 'reason',
    values: StuckReason,
    send: (client, reason) => client.call('listStuckBranches', { ...stuck, reason }),
    zero: 'accepted',
  },
];

/** A row of `it.each`. */
export type EnumCase = [title: string, value: number, row: EnumField];

/** Each value that makes `pick` true, of each field. */
export function casesOf(pick: (row: EnumField, value: number) => boolean): EnumCase[] {
  return enumFields.flatMap((row) =>
    [...knownValues(row), 99, -1]
      .filter((value) => pick(row, value))
      .map((value): EnumCase => [`${row.rpc}.${row.field}`, value, row]),
  );
}

function knownValues({ values }: EnumField): number[] {
  return Object.values(values).filter(
    (value): value is number => typeof value === 'number' && value >= 0,
  );
}

/** Whether the value is refused until it is built. */
export function isUnbuilt({ unbuilt = [] }: EnumField, value: number): boolean {
  return unbuilt.includes(value);
}

/** Whether the value can never be right. */
export function isRefused(row: EnumField, value: number): boolean {
  if (value === 0) return row.zero === 'refused';
  return !knownValues(row).includes(value) || (row.wrong ?? []).includes(value);
}

/** What the error lists: every name but those of 0 and of the values that are never right. */
export function namesOf(row: EnumField): string {
  const names = row.values as Readonly<Record<number, string>>;
  const listed = knownValues(row).filter((value) => value !== 0 && !row.wrong?.includes(value));
  return listed.map((value) => names[value]).join(', ');
}
