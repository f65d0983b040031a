/**
 * Lints texts as if they stood in the named files: a list of { file, code } on stdin, a list of { rule, message }
 * lists on stdout. A process of its own, because jest cannot import eslint's ES-module configuration.
 */
import { existsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const real = new ESLint();
// A file that does not exist has no types; the rules that need none judge it all the same.
const imagined = new ESLint({
  overrideConfig: {
    files: ['**/*.ts'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: { parserOptions: { project: null, projectService: false, program: null } },
  },
});

async function lint({ file, code }) {
  const eslint = existsSync(file) ? real : imagined;
  const [result] = await eslint.lintText(code, { filePath: file });
  return result.messages.map(({ ruleId, message }) => ({ rule: ruleId ?? 'fatal', message }));
}

const answers = [];
for (const probe of JSON.parse(await text(process.stdin))) answers.push(await lint(probe));
process.stdout.write(JSON.stringify(answers));
