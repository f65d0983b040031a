/**
 * `npm run bench:barrier`: what a participant's barrier costs, on a real MariaDB whose commits reach the disk. Table on
 * stdout, progress on stderr; `--json FILE` writes the rows for programs. A figure that misses its target is no failure.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startServer } from '../../test/support/servers/servers';
import { measureBarrier } from './barrier/figures';
import { makeScratch } from './disk';
import { figureRow } from './report/figure';
import { figureTable } from './report/tables';

const usage = `Usage: npm run bench:barrier -- [options]

  --quick        less of everything: shows that it works, no number means anything
  --json FILE    writes the rows to FILE
  --rounds N     interleaved rounds; 7 by default
  --dir DIR      folder for the server's data; by default the machine's folder for temporary files, unless that is memory
  --help         this

The server is the one that TERCET_TEST_MYSQL_URL names, which nobody else may use meanwhile, else a container, else the
mariadbd of this machine.`;

const ROUNDS = 7;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      rounds: { type: 'string' },
      dir: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : ROUNDS));
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new Error('--rounds must be a whole number of at least 1');
  }
  // npm starts the script in the package's folder; paths are meant from where it was typed.
  const from = process.env['INIT_CWD'] ?? process.cwd();
  const scratch = makeScratch(values.dir === undefined ? undefined : resolve(from, values.dir));
  // The server may run as a user of its own.
  chmodSync(scratch, 0o755);
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));
  const server = await startServer('mariadb', { durable: true, folder: scratch });
  if ('missing' in server) throw new Error(`no MariaDB: ${server.missing.join('; ')}`);
  try {
    const { figures, about } = await measureBarrier({
      url: server.url,
      rounds,
      quick: values.quick,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    const [cpu] = cpus();
    const machine = `${cpus().length} × ${cpu?.model ?? 'unknown CPU'}, ${type()} ${release()}`;
    console.log(`Node.js ${process.version}, ${about}, ${machine}\n`);
    console.log(figureTable(figures));
    if (values.quick) console.log('\nA quick run: no number means anything.');
    if (values.json !== undefined) write(resolve(from, values.json), figures.map(figureRow));
  } finally {
    await server.stop();
  }
}

function write(file: string, rows: unknown): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(rows, undefined, 1)}\n`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
