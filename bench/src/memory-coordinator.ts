/** The coordinator whose memory is measured: a process of its own that answers its parent. */
import { setImmediate as turn } from 'node:timers/promises';
import { Coordinator } from '@tercet/coordinator';

/** What the parent asks. */
export interface Ask {
  readonly kind: 'memory';
}

/** What it is told of the memory. */
export interface Memory {
  /** Heap in use and memory outside of it, after a collection. */
  readonly bytes: number;
  /** Transactions in memory. */
  readonly held: number;
}

/** What the parent is told. */
export type Told =
  | { readonly kind: 'port'; readonly port: number }
  | ({ readonly kind: 'memory' } & Memory);

const [directory = ''] = process.argv.slice(2);
const coordinator = new Coordinator({
  config: {
    dataDir: directory,
    grpcAddress: '127.0.0.1:0',
    httpAddress: 'off',
    undecidedMax: 10_000_000,
    targetUnfinishedMax: 10_000_000,
    residentMax: 10_000_000,
  },
});

function tell(message: Told): void {
  process.send?.(message);
}

async function answer(): Promise<void> {
  // What is dead by now may hang on callbacks that have not run yet.
  for (let round = 0; round < 4; round++) {
    await turn();
    globalThis.gc?.();
  }
  const { heapUsed, external } = process.memoryUsage();
  tell({ kind: 'memory', bytes: heapUsed + external, held: coordinator.residentCount });
}

process.on('message', () => void answer());
coordinator.start().then(
  ({ grpcPort }) => tell({ kind: 'port', port: grpcPort }),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
