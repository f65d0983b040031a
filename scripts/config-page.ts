import { type ConfigField, configFields } from '@tercet/coordinator';

/** docs/config.md, from the field list of the coordinator. */
export function configPage(): string {
  const fields = Object.values(configFields) as ConfigField[];
  return `# Configuration

<!-- Made from packages/coordinator/src/config/fields.ts by scripts/gen-docs.ts: change it there. -->

\`tercet server\` needs no settings. Each one below may be given as a flag or as an environment variable; a flag wins over
the variable, the variable over the default. A wrong setting stops the start, and all problems are told at once.
\`tercet server --help\` prints the same list.

| Flag | Variable | Default | Meaning |
|---|---|---|---|
${fields.map(row).join('\n')}

Durations have a unit: \`500ms\`, \`5s\`, \`2m\`, \`1h\`. A flag without a value is \`true\`.

Three things are checked together: an address beyond loopback needs \`--insecure\`, a batch must not be larger than the
queue, and the two addresses must differ.

## The command

The other commands ask a running coordinator.

| Flag | Variable | Default | Meaning |
|---|---|---|---|
| \`--address\` host:port | \`TERCET_ADDRESS\` | \`127.0.0.1:8420\` | Coordinator to ask. |
| \`--timeout\` duration | – | \`10s\` | Longest wait for the answer. |
| \`--no-color\` | \`NO_COLOR\`, \`FORCE_COLOR\`, \`TERM=dumb\` | colour in a terminal | Colour carries nothing that the text does not say. |

## Limits of the contract

Sizes of payloads, numbers of branches and the like are the same on every coordinator and no settings:
[protocol](protocol.md#fields-limits-defaults).
`;
}

function row(field: ConfigField): string {
  const value = field.valueName === '' ? '' : ` ${field.valueName}`;
  return `| \`--${field.flag}\`${value} | \`${field.env}\` | \`${field.default}\` | ${field.help} |`;
}
