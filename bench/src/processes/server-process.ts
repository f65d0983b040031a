/** A database server for the coordinator that is measured: started here, or one that is there already. */
import { type RowDataPacket, createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { type Database, makeDatabase } from '../../../test/support/servers/database';
import type { RunningServer } from '../../../test/support/servers/server-kind';
import { startServer } from '../../../test/support/servers/servers';
import type { ServerStore } from '../configurations';
import { answerParent } from './answer-parent';
import type { QuestionsMark, ServerCalls } from './calls';

let server: (RunningServer & { readonly kind: ServerStore }) | undefined;
let database: Database | undefined;

answerParent<ServerCalls>(
  {
    async start({ kind, folder }) {
      const started = await startServer(kind, { durable: true, folder });
      if ('missing' in started) return started;
      server = { ...started, kind };
      return { missing: [] };
    },
    async database() {
      const { kind, url } = running();
      database = await makeDatabase(kind, url);
      return { url: database.url };
    },
    async drop() {
      await database?.drop();
      database = undefined;
      return undefined;
    },
    async questions() {
      const { kind, url } = running();
      return kind === 'mariadb' ? await questionsOf(url) : undefined;
    },
    query: (sql) => queried(sql),
    async stop() {
      await server?.stop();
      server = undefined;
      return undefined;
    },
  },
  async () => await server?.stop(),
);

function running(): NonNullable<typeof server> {
  if (server === undefined) throw new Error('bug: the server is not started');
  return server;
}

async function queried(sql: string): Promise<ServerCalls['query']['tell']> {
  const { kind } = running();
  const url = database?.url ?? '';
  if (kind === 'mariadb') {
    const connection = await createConnection(url);
    try {
      return (await connection.query<RowDataPacket[]>(sql))[0];
    } finally {
      await connection.end();
    }
  }
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Asking is a statement, too: two of them lie between two answers, among thousands. */
async function questionsOf(url: string): Promise<QuestionsMark> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query<RowDataPacket[]>("SHOW GLOBAL STATUS LIKE 'Questions'");
    return { atMs: performance.now(), questions: Number(rows[0]?.['Value']) };
  } finally {
    await connection.end();
  }
}
