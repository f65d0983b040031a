/** The TypeScript of a page of the guide, compiled as a reader's project would compile it. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const root = path.resolve(__dirname, '../../..');

/** A block of TypeScript on a page. */
export interface Sample {
  /** Line of the page on which its code begins. */
  readonly line: number;
  readonly code: string;
}

/** The blocks of a page, in their order. */
export function samplesOf(page: string): readonly Sample[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ index, 1: code = '' }) => ({
    line: text.slice(0, index).split('\n').length + 1,
    code,
  }));
}

/**
 * What the compiler has against the samples, as `page:line: text`. `prelude` declares what a sample takes for granted; a
 * sample that declares a name itself hides the prelude's.
 */
export function problemsOf(page: string, prelude: string): readonly string[] {
  const samples = samplesOf(page);
  const sources = new Map(
    samples.map(({ code }, index) => [
      path.join(root, `examples/recipes/src/sample-${index}.ts`),
      code,
    ]),
  );
  const globals = path.join(root, 'examples/recipes/src/sample-prelude.d.ts');
  const options = optionsOf();
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  const textOf = (file: string): string | undefined => {
    if (file === globals) return prelude;
    const code = sources.get(file);
    // A sample without an import is a module as well, or its names would be everybody's.
    return code === undefined ? undefined : `${code}\nexport {};\n`;
  };
  host.fileExists = (file) => textOf(file) !== undefined || fileExists(file);
  host.readFile = (file) => textOf(file) ?? readFile(file);
  host.getSourceFile = (file, ...rest) => {
    const text = textOf(file);
    return text === undefined
      ? getSourceFile(file, ...rest)
      : ts.createSourceFile(file, text, rest[0]);
  };
  const program = ts.createProgram([globals, ...sources.keys()], options, host);
  return [globals, ...sources.keys()].flatMap((file, index) => {
    const source = program.getSourceFile(file);
    const found = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    const start = index === 0 ? 1 : (samples[index - 1]?.line ?? 0);
    return found.map(({ start: at = 0, messageText }) => {
      const line = start + (source?.getLineAndCharacterOfPosition(at).line ?? 0);
      const text = ts.flattenDiagnosticMessageText(messageText, '\n');
      return `${index === 0 ? 'the prelude' : page}:${line}: ${text}`;
    });
  });
}

function optionsOf(): ts.CompilerOptions {
  const file = path.join(root, 'tsconfig.check.json');
  const { config } = ts.readConfigFile(file, ts.sys.readFile) as { readonly config: unknown };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  return options;
}
