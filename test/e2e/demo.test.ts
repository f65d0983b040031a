import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const program = join(__dirname, '../../examples/checkout/dist/demo.js');

describe('make demo', () => {
  it('ends by itself, with every check held, in spite of crashes and a killed coordinator', async () => {
    if (!existsSync(program)) throw new Error(`${program} is missing: run \`make build\` first`);
    const env = { ...process.env, NO_COLOR: '1' };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { env });
    expect(stdout).toContain('coordinator killed (SIGKILL)');
    expect(stdout).toMatch(/\d+ stuck branch(es)? in \d+ transactions?/);
    const [, checks = ''] = stdout.split('What must hold\n');
    expect(checks.match(/✓/g)?.length).toBe(10);
    expect(checks).not.toContain('✗');
    // Nothing of Node or gRPC complained on the way.
    expect(stderr).not.toMatch(/Warning/);
  }, 90_000);
});
