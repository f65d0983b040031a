/**
 * The API of the SDK as one page: every export of every entry with its declaration, comments left out. It is committed,
 * so that each change of the API is a change that a reviewer sees. Written by scripts/gen-docs.ts.
 */
import path from 'node:path';
import ts from 'typescript';

/** What users import, and the source that it comes from. */
const entries: Readonly<Record<string, string>> = {
  '@tercet/sdk': 'packages/sdk/src/index.ts',
  '@tercet/sdk/operator': 'packages/sdk/src/operator-client.ts',
};

/** Packages whose types the SDK shows. As roots they count as ours, not as somebody's library: only ours are emitted. */
const beneath = ['core', 'runtime', 'proto'].map((name) => `packages/${name}/src/index.ts`);

interface Subject {
  readonly root: string;
  readonly program: ts.Program;
  readonly checker: ts.TypeChecker;
}

interface Export {
  readonly name: string;
  /** What the name stands for, aliases followed. */
  readonly symbol: ts.Symbol;
}

const pages = new Map<string, string>();

/** The page, made from the sources below `root` as they are at the first call: compiling takes seconds. */
export function apiReport(root: string): string {
  const page = pages.get(root) ?? render(root);
  pages.set(root, page);
  return page;
}

function render(root: string): string {
  const subject = load(root);
  const exported = new Map(
    Object.entries(entries).map(([specifier, file]) => {
      const source = subject.program.getSourceFile(path.join(root, file));
      if (source === undefined) throw new Error(`${file}, the source of ${specifier}, is missing`);
      return [specifier, exportsOf(subject, source)] as const;
    }),
  );
  const known = new Set([...exported.values()].flat().map(({ symbol }) => symbol));
  const sections = [...exported].map(([specifier, rows]) => {
    const declarations = rows.map((row) => declarationOf(subject, row));
    const unknown = rows
      .flatMap(({ symbol }) => typesNamedBy(subject, symbol))
      .filter((symbol) => !known.has(symbol));
    return section(specifier, declarations, new Set(unknown));
  });
  return [
    '# API of @tercet/sdk',
    'Generated from the sources by `npm run docs`; do not edit. Comments are left out: they are in the types that are ' +
      'installed. A line that changes or goes away here breaks somebody.',
    ...sections,
    '',
  ].join('\n\n');
}

function load(root: string): Subject {
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.check.json'), (file) =>
    ts.sys.readFile(file),
  ) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, files: [], include: [] },
    ts.sys,
    root,
  );
  const program = ts.createProgram(
    [...beneath, ...Object.values(entries)].map((file) => path.join(root, file)),
    {
      ...options,
      noEmit: false,
      declaration: true,
      emitDeclarationOnly: true,
      removeComments: true,
    },
  );
  return { root, program, checker: program.getTypeChecker() };
}

function exportsOf({ checker }: Subject, source: ts.SourceFile): Export[] {
  const module = checker.getSymbolAtLocation(source);
  const symbols = module === undefined ? [] : checker.getExportsOfModule(module);
  return symbols
    .map((symbol) => ({ name: symbol.name, symbol: target(checker, symbol) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function target(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol);
}

function section(
  specifier: string,
  declarations: readonly string[],
  unknown: ReadonlySet<ts.Symbol>,
): string {
  const names = [...unknown].map(({ name }) => `\`${name}\``).sort();
  const note = names.length === 0 ? [] : [`Named above but exported nowhere: ${names.join(', ')}.`];
  const fence = `\`\`\`ts\n${declarations.join('\n\n')}\n\`\`\``;
  return [`## ${specifier}`, `${declarations.length} exports.`, fence, ...note].join('\n\n');
}

/** The declaration of one export as the compiler would ship it: no bodies, no private parts. */
function declarationOf(subject: Subject, { name, symbol }: Export): string {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined) throw new Error(`${name} has no declaration; does it compile?`);
  const emitted = emittedTypes(subject, declaration.getSourceFile());
  const printer = ts.createPrinter({ removeComments: true });
  const statements = emitted.statements.filter((statement) => declares(statement, symbol.name));
  if (statements.length === 0) throw new Error(`${name}: its declaration was not found`);
  const texts = statements.map((statement) =>
    printer.printNode(ts.EmitHint.Unspecified, statement, emitted).replace(/^export /, ''),
  );
  return [...(name === symbol.name ? [] : [`// as ${name}`]), ...texts].join('\n');
}

const emittedFiles = new WeakMap<ts.SourceFile, ts.SourceFile>();

function emittedTypes({ program }: Subject, source: ts.SourceFile): ts.SourceFile {
  if (source.isDeclarationFile) return source;
  const known = emittedFiles.get(source);
  if (known !== undefined) return known;
  let text = '';
  program.emit(source, (_name, written) => (text = written), undefined, true);
  const emitted = ts.createSourceFile('types.d.ts', text, ts.ScriptTarget.Latest, true);
  emittedFiles.set(source, emitted);
  return emitted;
}

function declares(statement: ts.Statement, name: string): boolean {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.some((one) => one.name.getText() === name);
  }
  return (statement as ts.DeclarationStatement).name?.text === name;
}

/** Types of this repository that a declaration names, in what users see of it. */
function typesNamedBy({ root, checker }: Subject, symbol: ts.Symbol): ts.Symbol[] {
  const found: ts.Symbol[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || isPrivate(node) || ts.isPropertyAssignment(node)) return;
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const name = ts.isTypeReferenceNode(node) ? node.typeName : node.expression;
      const named = checker.getSymbolAtLocation(name);
      if (named !== undefined) found.push(target(checker, named));
    }
    ts.forEachChild(node, visit);
  };
  for (const declaration of symbol.declarations ?? []) visit(declaration);
  return found.filter((type) => isOurs(root, type));
}

function isPrivate(node: ts.Node): boolean {
  if (ts.isPropertyDeclaration(node) && ts.isPrivateIdentifier(node.name)) return true;
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);
}

function isOurs(root: string, { flags, declarations = [] }: ts.Symbol): boolean {
  if ((flags & ts.SymbolFlags.TypeParameter) !== 0) return false;
  const sources = path.join(root, 'packages').replaceAll('\\', '/');
  return declarations.some((declaration) =>
    declaration.getSourceFile().fileName.startsWith(`${sources}/`),
  );
}
