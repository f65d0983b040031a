import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { useTempDirectories } from '../../../../test/support/temp-directory';
import { addressOf } from './address';

const directory = useTempDirectories();

describe('the URL of a store on MySQL or MariaDB', () => {
  test('says host, port, database, user and password, decoded', () => {
    expect(addressOf('mysql://a%40b:p%2Fq@db.internal:3307/ter%20cet')).toEqual({
      options: {
        host: 'db.internal',
        port: 3307,
        database: 'ter cet',
        user: 'a@b',
        password: 'p/q',
      },
      shown: 'db.internal:3307/ter cet',
    });
  });

  test('needs neither user, password nor port; an address may be one of version 6', () => {
    expect(addressOf('mariadb://[::1]/t?ssl=false').options).toEqual({
      host: '::1',
      port: 3306,
      database: 't',
    });
  });

  test('with ssl=true has the certificate checked, its name too', () => {
    const { options } = addressOf('mysql://db.internal/t?ssl=true');
    expect(options.ssl).toEqual({ verifyIdentity: true });
  });

  test('with sslca has it checked by that authority', () => {
    const file = path.join(directory(), 'ca.pem');
    writeFileSync(file, 'an authority');
    const { options } = addressOf(`mysql://db.internal/t?ssl=true&sslca=${file}`);
    expect(options.ssl).toEqual({ verifyIdentity: true, ca: 'an authority' });
  });

  test.each([
    ['db/t', 'it is no URL'],
    ['http://db/t', 'it must begin with mysql://'],
    ['mysql:///t', 'it names no host'],
    ['mysql://db', 'it must name one database'],
    ['mysql://db/t/u', 'it must name one database'],
    ['mysql://u:secret@db/t?ssl=maybe', 'ssl=true or ssl=false and sslca=FILE'],
    ['mysql://u:secret@db/t?flags=FOUND_ROWS', 'nothing else'],
    ['mysql://u:secret@db/t?sslca=', 'nothing else'],
    ['mysql://u:secret@db/t?sslca=/ca.pem', 'needs ssl=true'],
    ['mysql://u:secret@db/t?ssl=true&sslca=/no/such/file', 'sslca cannot be read'],
    ['mysql://u:secret@127.0.0.1/t?ssl=true', 'the host must be a name'],
    ['mysql://u:secret@[::1]/t?ssl=true', 'the host must be a name'],
  ])('%s is refused: %s, and nothing secret is told', (url, why) => {
    const refusal = refusalOf(url);
    expect(refusal).toMatchObject({ code: 'CONFIG_INVALID', details: { option: 'store' } });
    expect(String(refusal)).toContain(why);
    expect(String(refusal)).not.toContain('secret');
  });
});

function refusalOf(url: string): unknown {
  try {
    return addressOf(url);
  } catch (error) {
    return error;
  }
}
