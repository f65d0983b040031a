/** One command of a session: what a unary call would do, and the answer that belongs to it. */
import { TercetError } from '@tercet/core';
import type { SessionAnswer, SessionCommand } from '@tercet/proto';
import type { CallContext } from '../../../service/transaction-service';
import type { Commands } from '../handlers';

/** What stands in an answer. */
export type Answer = NonNullable<SessionAnswer['answer']>;

/** Carries a command out; rejects as the unary call would. One that is not known here is NOT_BUILT_YET. */
export async function carryOut(
  commands: Commands,
  command: SessionCommand['command'],
  call: CallContext,
): Promise<Answer> {
  switch (command?.$case) {
    case 'register':
      return { $case: 'registered', value: await commands.register(command.value, call) };
    case 'commit':
      return { $case: 'committed', value: await commands.commit(command.value, call) };
    case 'rollback':
      return { $case: 'rolledBack', value: await commands.rollback(command.value, call) };
    case 'get':
      return { $case: 'got', value: await commands.get(command.value, call) };
    case 'wait':
      return { $case: 'waited', value: await commands.wait(command.value, call) };
    case undefined:
      throw new TercetError('NOT_BUILT_YET', {
        message:
          'command: it is unset, or one that this coordinator does not know; it knows register, commit, rollback, get and wait',
        details: { field: 'command' },
      });
  }
}
