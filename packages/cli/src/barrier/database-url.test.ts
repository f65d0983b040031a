import { describe, expect, test } from '@jest/globals';
import { UsageError } from '../usage-error';
import { parseDatabaseUrl, withoutSecrets } from './database-url';

describe('an address of a database', () => {
  test.each([
    ['mysql://ann:geheim@db:3306/shop', 'mysql', 'mysql://ann@db:3306/shop'],
    ['mariadb://ann:geheim@db/shop?ssl=x', 'mysql', 'mysql://ann@db/shop'],
    ['postgres://ann:geheim@db:5432/shop', 'postgres', 'postgres://ann@db:5432/shop'],
    ['postgresql://db/shop', 'postgres', 'postgres://db/shop'],
    ['sqlite:shop.db', 'sqlite', 'sqlite:shop.db'],
    ['sqlite:/data/shop.db', 'sqlite', 'sqlite:/data/shop.db'],
    ['sqlite:///data/shop.db', 'sqlite', 'sqlite:/data/shop.db'],
  ])('%s', (text, family, shown) => {
    expect(parseDatabaseUrl('--url', text)).toMatchObject({ family, shown });
  });

  test('reaches the driver in the one form that it knows', () => {
    const target = (text: string): string => parseDatabaseUrl('--url', text).target;
    expect(target('mariadb://ann:geheim@db/shop?ssl=x')).toBe('mysql://ann:geheim@db/shop?ssl=x');
    expect(target('postgresql://db/shop')).toBe('postgres://db/shop');
    expect(target('sqlite:shop.db')).toBe('shop.db');
  });

  test.each([
    ['', '--url is no address of a database that has a barrier'],
    ['shop.db', '--url is no address of a database that has a barrier'],
    ['oracle://ann:geheim@db/shop', '--url is no address of a database that has a barrier'],
    ['mysql://ann:geheim@db:99999/shop', '--url is no address of a database that has a barrier'],
    ['mysql:///shop', '--url names no host'],
    ['mysql://ann:geheim@db:3306', '--url names no database behind the host'],
    ['postgres://ann:geheim@db/', '--url names no database behind the host'],
    ['sqlite:', '--url names no file: a database in memory ends with this command'],
    ['sqlite::memory:', '--url names no file: a database in memory ends with this command'],
  ])('%p is refused without being shown', (text, message) => {
    const parse = (): unknown => parseDatabaseUrl('--url', text);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow('geheim');
  });
});

test.each([
  ['Access denied for ann (geheim)', 'Access denied for ann (***)'],
  ['no such key: a%2Fb!, a/b!', 'no such key: ***, ***'],
  [
    'cannot connect to mysql://ann:a%2Fb!@db/shop?k=geheim',
    'cannot connect to mysql://ann@db/shop',
  ],
])('%p is told without what is secret', (text, safe) => {
  const url = parseDatabaseUrl('--url', 'mysql://ann:a%2Fb!@db/shop?k=geheim');
  expect(withoutSecrets(text, url)).toBe(safe);
});
