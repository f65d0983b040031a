/** Which files of the repository a build gets to see. */

/** Answers whether a path below the root is kept away, as `.dockerignore` says. Understands `*`, `**` and comments. */
export function dockerIgnore(text: string): (file: string) => boolean {
  const lines = text.split('\n').map((line) => line.trim());
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#')).map(toPattern);
  return (file) => {
    const parts = file.split('/');
    // A folder that is kept away takes everything in it along.
    return parts.some((_, index) => {
      const above = parts.slice(0, index + 1).join('/');
      return rules.some((rule) => rule.test(above));
    });
  };
}

function toPattern(line: string): RegExp {
  if (/^!|[?[\]]/.test(line)) throw new Error(`.dockerignore: not understood: ${line}`);
  const parts = line.split(/(\*\*\/|\*)/).map((part) => {
    if (part === '**/') return '(?:.*/)?';
    return part === '*' ? '[^/]*' : part.replace(/[.+^${}()|\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('')}$`);
}
