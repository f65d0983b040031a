/** docs/guide/conformance.md shows what really happens. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ParticipantLawError, checkParticipant } from '../src';
import { laws } from '../src/conformance/laws';
import { undisturbed } from '../src/conformance/laws/undisturbed';
import { barrier, check, db, handlers, stock } from './support/counting-stock';

const page = readFileSync(path.join(__dirname, '../../../docs/guide/conformance.md'), 'utf8');
const code = readFileSync(path.join(__dirname, 'support/counting-stock.ts'), 'utf8');

function blocks(language: string): readonly string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm');
  return [...page.matchAll(pattern)].map(([, block = '']) => block);
}

beforeAll(() => barrier.migrate());
afterAll(() => db.close());

test('its participant is the one that is checked here', () => {
  const shown = blocks('ts').filter((block) => !block.includes('test('));
  expect(shown.length).toBeGreaterThan(0);
  for (const block of shown) {
    expect(code.replaceAll('export const', 'const')).toContain(block);
  }
});

test('its output is what the check says', async () => {
  const error: unknown = await checkParticipant(stock, handlers, check).catch(
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ParticipantLawError);
  expect(blocks('text')).toContain(`${(error as Error).message}\n`);
});

test('without what it counts in memory it keeps every law', async () => {
  const snapshot = (): unknown => db.prepare('SELECT * FROM stock ORDER BY sku').all();
  const { laws: checked } = await checkParticipant(stock, handlers, { ...check, snapshot });
  expect(checked.map(({ outcome }) => outcome)).toEqual(Array(29).fill('held'));
});

test('it lists every law', () => {
  for (const { id, title } of [undisturbed, ...laws])
    expect(page).toContain(`| ${id} | ${title} |`);
});
