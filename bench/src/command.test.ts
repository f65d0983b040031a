import { describe, expect, it } from '@jest/globals';
import { parseCommand } from './command';

function parse(...argv: readonly string[]) {
  return parseCommand(argv, '/somewhere');
}

describe('the command line', () => {
  it('needs nothing', () => {
    expect(parse()).toEqual({
      quick: false,
      jsonFile: undefined,
      only: [],
      check: undefined,
      stores: undefined,
      rounds: undefined,
      measureMs: undefined,
      profileFolder: undefined,
      directory: undefined,
    });
  });

  it('takes paths from where it was typed', () => {
    const command = parse('--json', 'a/rows.json', '--profile', '../p', '--dir', '/data');
    expect(command).toMatchObject({
      jsonFile: '/somewhere/a/rows.json',
      profileFolder: '/p',
      directory: '/data',
    });
  });

  it('takes the file of a quick run, too', () => {
    expect(parse('--quick', '--json', 'rows.json')).toMatchObject({
      quick: true,
      jsonFile: '/somewhere/rows.json',
    });
  });

  it.each(['streams sqlite 64', 'streams,sqlite,64', ' streams,  sqlite 64 '])(
    'reads the words of --only "%s"',
    (words) => {
      expect(parse('--only', words)?.only).toEqual(['streams', 'sqlite', '64']);
    },
  );

  it.each(['postgres,mariadb', 'mariadb postgres', 'mariadb,postgres,mariadb'])(
    'reads the servers of --stores "%s" in their own order',
    (names) => {
      expect(parse('--stores', names)?.stores).toEqual(['mariadb', 'postgres']);
    },
  );

  it('takes one server', () => {
    expect(parse('--quick', '--stores', 'mariadb')?.stores).toEqual(['mariadb']);
  });

  it('takes parts of a second, and whole rounds', () => {
    expect(parse('--seconds', '0.5', '--rounds', '3')).toMatchObject({ measureMs: 500, rounds: 3 });
  });

  it.each([
    ['--rounds', '0', '--rounds must be a number above 0, got "0"'],
    ['--rounds', '1.5', '--rounds must be a whole number, got "1.5"'],
    ['--rounds', 'many', '--rounds must be a number above 0, got "many"'],
    ['--stores', 'oracle', '--stores must be of mariadb, postgres, got "oracle"'],
    ['--stores', 'mariadb,oracle', '--stores must be of mariadb, postgres, got "mariadb,oracle"'],
    ['--stores', '', '--stores must be of mariadb, postgres, got ""'],
    ['--seconds', '', '--seconds must be a number above 0, got ""'],
    ['--seconds', 'Infinity', '--seconds must be a number above 0, got "Infinity"'],
  ])('refuses %s %s', (option, given, message) => {
    expect(() => parse(option, given)).toThrow(message);
  });

  it('refuses what it does not know', () => {
    expect(() => parse('--quik')).toThrow("Unknown option '--quik'");
    expect(() => parse('quick')).toThrow();
  });

  it('is nothing to run where help is asked for', () => {
    expect(parse('--help', '--quick')).toBeUndefined();
  });
});
