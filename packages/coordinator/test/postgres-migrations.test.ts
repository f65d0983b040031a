/** Several coordinators that want one PostgreSQL's schema brought up to date (M1, M2). */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { describeWith } from '../../../test/support/servers/describe-with';
import { schemaSteps } from '../src/store/sql/postgres/schema';
import { PostgresWorld } from './support/postgres-world';

jest.setTimeout(60_000);

describeWith('postgres', (server) => {
  let world: PostgresWorld;
  beforeEach(async () => {
    world = await PostgresWorld.on(server);
  });
  afterEach(() => world.end());

  /** Every column, index and rule that is there. */
  const schema = async (): Promise<unknown> => {
    const { rows } = await (await world.client()).query(
      `SELECT table_name, column_name, data_type, collation_name, is_nullable FROM information_schema.columns
         WHERE table_schema = 'public' UNION ALL
       SELECT tablename, indexname, indexdef, NULL, NULL FROM pg_indexes WHERE schemaname = 'public' UNION ALL
       SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), NULL, NULL FROM pg_constraint
         WHERE connamespace = 'public'::regnamespace
       ORDER BY 1, 2, 3`,
    );
    return rows;
  };

  it('is done once by several that start together', async () => {
    await Promise.all([world.migrate(), world.migrate(), world.migrate(), world.migrate()]);
    const client = await world.client();
    const { rows } = await client.query('SELECT version, holder FROM schema_version');
    expect(rows).toEqual([{ version: schemaSteps.at(-1)?.version, holder: '' }]);
  });

  it('that was cut off is finished by the next, without anybody unlocking', async () => {
    await world.migrate();
    const whole = await schema();
    const client = await world.client();
    const statements = schemaSteps.flatMap((step) => step.statements);
    for (let cut = 0; cut <= statements.length; cut++) {
      await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
      await client.query(`${statements.slice(0, cut).join(';')};`);
      if (cut > 0) {
        await client.query(
          `CREATE TABLE schema_version (id int4 PRIMARY KEY CHECK (id = 1), version int4 NOT NULL,
             min_reader int4 NOT NULL, holder text NOT NULL, beat int8 NOT NULL, place text NOT NULL);
           INSERT INTO schema_version VALUES (1, 0, 0, 'a dead one', 7, 'elsewhere')`,
        );
      }
      await world.migrate();
      expect(await schema()).toEqual(whole);
    }
  });

  it('needs no right to make tables where nothing has to be made', async () => {
    await world.migrate();
    const admin = await world.client();
    const role = `${world.database}_plain`;
    await admin.query(
      `CREATE ROLE ${role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;
       GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${role}`,
    );
    world.atEnd(() => admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
    const url = new URL(world.url);
    url.username = role;
    await world.migrate(url.toString());
    await admin.query('DROP TABLE nodes; UPDATE schema_version SET version = 0');
    await expect(world.migrate(url.toString())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/cannot be made.*42501/),
    });
    expect((await admin.query('SELECT holder FROM schema_version')).rows).toEqual([{ holder: '' }]);
  });

  it('refuses a schema that needs a newer version, and leaves it as it is', async () => {
    await world.migrate();
    const client = await world.client();
    await client.query('UPDATE schema_version SET version = 99, min_reader = 98');
    await expect(world.migrate()).rejects.toMatchObject({ code: 'STORE_INCOMPATIBLE' });
    await client.query('UPDATE schema_version SET min_reader = 1');
    await world.migrate();
    const { rows } = await client.query('SELECT version, min_reader FROM schema_version');
    expect(rows).toEqual([{ version: 99, min_reader: 1 }]);
  });
});
