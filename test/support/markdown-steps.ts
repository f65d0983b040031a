/** A section of a document as steps that a reader takes. */

/** A step: write a file, run commands, or start a program that stays. `shows` is the output that the page shows. */
export type Step =
  | { readonly kind: 'file'; readonly file: string; readonly text: string }
  | { readonly kind: 'commands'; readonly text: string; readonly shows?: string }
  | { readonly kind: 'program'; readonly text: string; readonly shows: string };

interface Block {
  readonly language: string;
  readonly text: string;
  /** The paragraph above it. */
  readonly lead: string;
}

/** The text between a heading of level 2 and the next one. */
export function sectionOf(markdown: string, heading: string): string {
  const start = markdown.indexOf(`\n## ${heading}\n`);
  if (start < 0) throw new Error(`there is no section "${heading}"`);
  const end = markdown.indexOf('\n## ', start + 1);
  return markdown.slice(start, end < 0 ? undefined : end);
}

/**
 * The steps of a section. A file is named in backticks in the paragraph above its block; commands are `sh`, and their
 * output, where it is shown, is the `text` right below them. What is said to need "a terminal of its own" stays.
 */
export function stepsOf(section: string): Step[] {
  const blocks = blocksOf(section);
  return blocks.flatMap((block, index): Step[] => {
    const { language, text, lead } = block;
    const next = blocks[index + 1];
    const shown = next?.language === 'text' ? { shows: next.text } : {};
    switch (language) {
      case 'ts':
      case 'proto':
        return [{ kind: 'file', file: fileNamedIn(lead), text }];
      case 'sh':
        if (!lead.includes('a terminal of its own')) return [{ kind: 'commands', text, ...shown }];
        return [{ kind: 'program', text: text.trim(), shows: '', ...shown }];
      case 'text':
        return [];
      default:
        throw new Error(
          `a block of ${language || 'no language'} below "${lead}": what is to be done?`,
        );
    }
  });
}

function blocksOf(section: string): Block[] {
  const pattern = /(?:^|\n\n)((?:(?!```).+\n)*)\n?```(\w*)\n([\s\S]*?\n)```(?=\n)/g;
  return [...section.matchAll(pattern)].map(([, lead = '', language = '', text = '']) => ({
    lead: lead.trim(),
    language,
    text,
  }));
}

function fileNamedIn(lead: string): string {
  const name = /`([\w./-]+\.(?:ts|proto))`/.exec(lead)?.[1];
  if (name === undefined) throw new Error(`"${lead}" names no file for the block below it`);
  return name;
}
