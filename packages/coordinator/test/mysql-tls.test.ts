/** The encrypted way to a MariaDB. */
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { type Certificate, ofElsewhere, ofLocalhost } from './support/certificates';
import { mysqlStoreAt } from './support/mysql-world';
import { describeOwnMariadb } from './support/own-mariadb';
import { useTempDirectories } from './support/temp-directory';
import { open, trying } from './support/transaction-moves';

jest.setTimeout(60_000);

const directory = useTempDirectories()();
// The server is another user.
chmodSync(directory, 0o755);
const [certificateFile, keyFile] = [
  path.join(directory, 'server.pem'),
  path.join(directory, 'key'),
];
present(ofLocalhost);

/** The certificate that the server presents from its next start, or FLUSH SSL, on. */
function present({ certificate, key }: Certificate): void {
  writeFileSync(certificateFile, certificate);
  writeFileSync(keyFile, key);
  chmodSync(keyFile, 0o644);
}

describeOwnMariadb(
  { args: [`--ssl-cert=${certificateFile}`, `--ssl-key=${keyFile}`] },
  (server) => {
    const at = (options: string): string => {
      const url = new URL(server.url);
      url.username = 'encrypted';
      url.hostname = 'localhost';
      url.search = options;
      return url.toString();
    };
    const authority = (name: string, { certificate }: Certificate): string => {
      const file = path.join(directory, name);
      writeFileSync(file, certificate);
      return file;
    };
    const refusal = async (options: string): Promise<unknown> => {
      const store = mysqlStoreAt(at(options));
      try {
        await store.open('me');
      } catch (error) {
        return error;
      } finally {
        await store.close();
      }
      return undefined;
    };

    test('which takes a user only by TLS is reached with ssl=true and its authority', async () => {
      await server.hands.run(
        "CREATE USER encrypted@'%' REQUIRE SSL",
        "GRANT ALL ON tercet.* TO encrypted@'%'",
      );
      const store = mysqlStoreAt(at(`?ssl=true&sslca=${authority('localhost', ofLocalhost)}`));
      await store.open('me');
      expect(await store.write([open(trying('a'))])).toEqual([{ kind: 'applied' }]);
      await store.close();
      expect(String(await refusal(''))).toContain('Access denied');
    });

    test('whose certificate no known authority has signed is refused', async () => {
      expect(String(await refusal('?ssl=true'))).toMatch(/self-signed certificate/);
      const other = authority('other', ofElsewhere);
      expect(String(await refusal(`?ssl=true&sslca=${other}`))).toMatch(/certificate/);
    });

    test('whose certificate is one of another name is refused', async () => {
      present(ofElsewhere);
      await server.hands.run('FLUSH SSL');
      const trusted = authority('elsewhere', ofElsewhere);
      expect(String(await refusal(`?ssl=true&sslca=${trusted}`))).toContain('altnames');
    });
  },
);
