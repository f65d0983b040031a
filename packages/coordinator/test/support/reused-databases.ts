/** What databases are made and cleared with. */
export interface ReusedDatabasesDeps {
  /** Makes an empty database; answers its URL. */
  make(): Promise<string>;
  /** Runs statements one after another. */
  run(url: string, statements: readonly string[]): Promise<void>;
}

/** Everything but the schema's version, and the places that retention has come to. */
const tables = ['transactions', 'registrations', 'labels', 'results', 'nodes', 'probes'];

const clear = [
  ...tables.map((table) => `DELETE FROM ${table}`),
  `UPDATE retention SET finished_at = 0, gid = ''`,
];

/**
 * Databases of which each test has one for itself, as if it were new: making the tables anew takes ten times as long as a test
 * of the store.
 */
export class ReusedDatabases {
  private readonly spare: string[] = [];

  constructor(private readonly deps: ReusedDatabasesDeps) {}

  /** URL of a database in which nothing is kept. */
  async take(): Promise<string> {
    return this.spare.pop() ?? (await this.deps.make());
  }

  /** It may be taken again; nobody is connected to it any more. */
  async giveBack(url: string): Promise<void> {
    await this.deps.run(url, clear);
    this.spare.push(url);
  }
}
