import { TercetError } from '@tercet/core';

/**
 * Loads the driver of a server: only who keeps transactions there pays for it. Rejects with CONFIG_INVALID where the package was
 * left out of the installation.
 */
export async function loadDriver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'MODULE_NOT_FOUND' && code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new TercetError('CONFIG_INVALID', {
      message: `this store needs the package ${name}, which is not installed: npm install ${name}`,
      details: { package: name },
      cause,
    });
  }
}
