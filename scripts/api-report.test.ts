/** What the page of the SDK's API must show, and what it must not. */
import path from 'node:path';
import * as sdk from '@tercet/sdk';
import * as operator from '@tercet/sdk/operator';
import { expect, test } from '@jest/globals';
import { apiReport } from './api-report';

const page = apiReport(path.resolve(__dirname, '..'));

/** The part of the page about one entry. */
function sectionOf(specifier: string): string {
  return page.split('\n## ').find((part) => part.startsWith(`${specifier}\n`)) ?? '';
}

test.each([
  ['@tercet/sdk', Object.keys(sdk)],
  ['@tercet/sdk/operator', Object.keys(operator)],
])('%s shows every value that it exports', (specifier, names) => {
  const section = sectionOf(specifier);
  const shown = names.filter((name) => new RegExp(`^declare \\w+ ${name}\\b`, 'm').test(section));
  expect(shown).toEqual(names);
});

test('types are shown with their members, those of other packages too', () => {
  expect(sectionOf('@tercet/sdk')).toMatch(
    /\ninterface RunOptions \{\n {4}readonly name: string;\n/,
  );
  expect(sectionOf('@tercet/sdk')).toMatch(/\ndeclare class TercetError extends Error \{\n/);
});

test('bodies, private parts and comments are not', () => {
  expect(page).not.toMatch(/\/\*\*|\bprivate\b|#\w+;|\breturn\b/);
});

test('a type that users meet but cannot name is told', () => {
  expect(page).toMatch(/^Named above but exported nowhere: .*`Gid`/m);
  expect(page).not.toMatch(/^Named above but exported nowhere: .*`BranchView`/m);
});
