/** The `tercet` command in this process, against a real coordinator. */
import { run } from '@tercet/cli';
import { createOperatorClient } from '@tercet/sdk/operator';

/** How a command ended. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `tercet` with these words, asking the coordinator at `port`, with no terminal. */
export async function tercetCommand(port: number, ...words: readonly string[]): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const output = (name: keyof typeof written) => ({
    write: (text: string): void => {
      written[name] += text;
    },
    isTTY: false,
    columns: undefined,
  });
  const exitCode = await run(words, {
    out: output('stdout'),
    err: output('stderr'),
    env: { TERCET_ADDRESS: `127.0.0.1:${port}` },
    ask: undefined,
    operatorName: () => 'ann@ops',
    version: '0.0.0',
    loadOperator: () => ({ createOperatorClient }),
    loadServer: () => {
      throw new Error('this command only asks: no server is meant to start');
    },
    loadBarriers: () => {
      throw new Error('this command only asks a coordinator: no barrier is meant to be looked at');
    },
    loadFromProject: () => {
      throw new Error('this command only asks a coordinator: no driver is meant to be loaded');
    },
    fileExists: () => false,
    onSignal: () => undefined,
    exitNow: () => undefined,
  });
  return { exitCode, ...written };
}
