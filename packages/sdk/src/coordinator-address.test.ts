import { describe, expect, it } from '@jest/globals';
import { checkAddress, coordinatorAddresses } from './coordinator-address';

const of = (given: unknown): readonly string[] => coordinatorAddresses('coordinator', given);

describe('the addresses of coordinators', () => {
  it('are one, or a comma list of host:port, each once', () => {
    expect(of('localhost:8420')).toEqual(['localhost:8420']);
    expect(of('a:8420,b:8421')).toEqual(['a:8420', 'b:8421']);
    expect(of(' a:8420 , [::1]:8420, a:8420 ')).toEqual(['a:8420', '[::1]:8420']);
  });

  it('are one where the commas belong to a target of gRPC', () => {
    for (const target of [
      'ipv4:10.0.0.1:8420,10.0.0.2:8420',
      'ipv6:[::1]:8420,[::2]:8420',
      'unix:/run/a,b',
      'dns:///tercet:8420',
    ]) {
      expect(of(target)).toEqual([target]);
      expect(() => checkAddress('address', target)).not.toThrow();
    }
  });

  it('name the element that is wrong', () => {
    const rule = 'coordinator: each element of a comma list must be host:port, got';
    for (const [list, element] of [
      ['a:8420,b', 'b'],
      ['a:8420,', ''],
      [',a:8420', ''],
      ['a:8420,http://b:8420', 'http://b:8420'],
      ['a:8420,b:65536', 'b:65536'],
      ['a:8420,dns:///b:8420', 'dns:///b:8420'],
      ['dns:///a:8420,b:8420', 'dns:///a:8420'],
    ] as const) {
      expect(() => of(list)).toThrow(
        `${rule} ${JSON.stringify(element)} in ${JSON.stringify(list)}`,
      );
    }
  });

  it('are checked one by one: a list is no address of one coordinator', () => {
    for (const list of ['a:8420,b:8420', 'a,b:8420', 'dns:///a:8420,b:8420']) {
      expect(() => checkAddress('address', list)).toThrow('address must be host:port');
    }
    expect(() => of(7)).toThrow('coordinator must be host:port or a gRPC target');
  });
});
