import { describe, expect, it } from '@jest/globals';
import { loadDriver } from './load-driver';

describe('a driver', () => {
  it('is what was loaded', async () => {
    expect(await loadDriver('mysql2', async () => 'driver')).toBe('driver');
  });

  it.each(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'])(
    'that is missing (%s) is named, and how to get it',
    async (code) => {
      const missing = Object.assign(new Error('Cannot find it'), { code });
      await expect(loadDriver('mysql2', () => Promise.reject(missing))).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: 'this store needs the package mysql2, which is not installed: npm install mysql2',
      });
    },
  );

  it('that fails for another reason tells its own', async () => {
    const broken = new Error('broken');
    await expect(loadDriver('pg', () => Promise.reject(broken))).rejects.toBe(broken);
  });
});
