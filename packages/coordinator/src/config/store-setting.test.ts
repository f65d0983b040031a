import { describe, expect, it } from '@jest/globals';
import {
  folderOf,
  hasPassword,
  isServer,
  kindOfStore,
  parseStore,
  shownStore,
  withPassword,
} from './store-setting';

function problemOf(given: string): string {
  try {
    parseStore(given);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

describe('the setting `store`', () => {
  it.each([
    ['memory', 'memory'],
    ['sqlite', 'sqlite'],
    ['sqlite:/var/lib/tercet', 'sqlite'],
    ['sqlite:mysql://a', 'sqlite'],
    ['mysql://app@db/tercet', 'mysql'],
    ['mysql://app:secret@db.example:3306/tercet', 'mysql'],
    ['mariadb://app@[::1]:3306/tercet', 'mysql'],
    ['postgres://app@db/tercet', 'postgres'],
    ['postgres://app@db/tercet?sslmode=verify-full&sslrootcert=/etc/ca.pem', 'postgres'],
    ['mysql://app@db/tercet?ssl=true', 'mysql'],
    ['mysql://app@db/tercet?ssl=true&sslca=/etc/ca.pem', 'mysql'],
    ['postgresql://app:p%40%3A%2F@db:5432/tercet', 'postgres'],
  ])('takes %s', (given, kind) => {
    const store = parseStore(given);
    expect(store).toBe(given);
    expect(kindOfStore(store)).toBe(kind);
    expect(isServer(store)).toBe(kind === 'mysql' || kind === 'postgres');
  });

  it.each([
    ['oracle', 'must be one of sqlite,'],
    ['', 'must be one of sqlite,'],
    ['./tercet-data', 'must be one of sqlite,'],
    ['redis://db/1', 'must be one of sqlite,'],
    ['mysql:app@db/tercet', 'must be one of sqlite,'],
    ['sqlite:', 'must name a folder'],
    ['mysql://app:a/b@db/tercet', 'must be percent-encoded'],
    ['mysql://app@db:port/tercet', 'must be percent-encoded'],
    ['mysql://app@/tercet', 'percent-encoded'],
    ['mysql:///tercet', 'must name a host'],
    ['mysql://app:12#3@db/tercet', 'must not have a #'],
    ['postgres://app@db/tercet?sslmode=off', 'takes sslmode='],
    ['postgres://app@db/tercet?host=other', 'takes sslmode='],
    ['mysql://app@db/tercet?flags=FOUND_ROWS', 'takes ssl='],
    ['mysql://app@db/tercet?ssl=yes', 'takes ssl='],
    ['postgres://db/tercet', 'must name a user'],
    ['postgres://app:100%@db/tercet', 'written %25'],
    ['postgres://app@db', 'must name one database'],
    ['postgres://app@db/', 'must name one database'],
    ['postgres://app@db/a/b', 'must name one database'],
  ])('refuses %p', (given, problem) => {
    expect(problemOf(given)).toContain(problem);
  });

  it('is embedded in the folder that it names, else in the data directory', () => {
    expect(folderOf('sqlite', './data')).toBe('./data');
    expect(folderOf('sqlite:/var/lib/a:b', './data')).toBe('/var/lib/a:b');
  });
});

describe('U1: a password', () => {
  it.each([
    ['sqlite', 'sqlite'],
    ['mysql://app@db:3306/tercet', 'mysql://app@db:3306/tercet'],
    ['mysql://app:secret@db:3306/tercet', 'mysql://app@db:3306/tercet'],
    ['postgres://app:sec%40ret@[::1]:5432/tercet', 'postgres://app@[::1]:5432/tercet'],
    ['postgres://app:sec@ret@db/tercet', 'postgres://app@db/tercet'],
    ['postgres://app:secret@db/tercet?sslmode=require', 'postgres://app@db/tercet'],
    ['postgres://app:secret@db/tercet?password=secret', 'postgres://…@db/tercet'],
    ['postgres://app@db/tercet?password=se@cret', 'postgres://…'],
    ['postgres://secret', 'postgres://…'],
    ['mysql://app:12/secret@db/tercet', 'mysql://…@db/tercet'],
    ['mysql://app:12#secret@db/tercet', 'mysql://…'],
    ['mysql://app:12?secret@db/tercet', 'mysql://…'],
    ['oracle://app:secret@db/tercet', 'oracle://app@db/tercet'],
    ['MYSQL://app:secret@db:x/tercet', 'MYSQL://…@db:x/tercet'],
  ])('of %s is not shown', (given, shown) => {
    expect(shownStore(given)).toBe(shown);
  });

  it('stands in no text of an error', () => {
    const wrong = ['mysql://app:12/secret@db/t', 'mysql://app:12#secret@db/t', 'x://a:secret@b'];
    for (const given of wrong) expect(problemOf(given)).not.toContain('secret');
  });

  it.each(['secret', 'a@b:c/d?e#f%g h', 'ünïcode', '%20'])('may be %p', (password) => {
    const store = withPassword(parseStore('mysql://app@db:3306/tercet'), password);
    expect(hasPassword(store)).toBe(true);
    expect(decodeURIComponent(new URL(parseStore(store)).password)).toBe(password);
    expect(shownStore(store)).toBe('mysql://app@db:3306/tercet');
  });
});
