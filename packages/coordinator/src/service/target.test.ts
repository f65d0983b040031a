import { describe, expect, it } from '@jest/globals';
import { TercetError } from '@tercet/core';
import { aBranchSpec } from '@tercet/core/testing';
import { OwnListeners } from './own-listeners';
import { type IsOwnAddress, TargetCheck, parseTarget } from './target';

const nobody: IsOwnAddress = () => false;
const EXAMPLES =
  'such as stock:50051, dns:///stock:50051, ipv4:10.0.0.7:50051 or ipv6:[fd00::7]:50051';

function refusalOf(target: string, isOwn: IsOwnAddress = nobody): string {
  try {
    new TargetCheck(isOwn).check([aBranchSpec(), aBranchSpec({ target })]);
  } catch (error) {
    if (!(error instanceof TercetError)) throw error;
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field: 'branches[1].target' },
    });
    return error.message.replace('branches[1].target: ', '');
  }
  return 'accepted';
}

describe('a target', () => {
  it.each<[string, [host: string, port: number][]]>([
    ['stock:50051', [['stock', 50_051]]],
    ['127.0.0.1:1', [['127.0.0.1', 1]]],
    ['[fd00::7]:65535', [['fd00::7', 65_535]]],
    ['[fe80::1%eth0]:50051', [['fe80::1%eth0', 50_051]]],
    ['stock.shop.svc.cluster.local.:50051', [['stock.shop.svc.cluster.local.', 50_051]]],
    ['my_stock-1:50051', [['my_stock-1', 50_051]]],
    ['dns:stock:50051', [['stock', 50_051]]],
    ['dns:///stock:50051', [['stock', 50_051]]],
    ['dns:///[::1]:50051', [['::1', 50_051]]],
    ['dns://10.0.0.2/stock:50051', [['stock', 50_051]]],
    ['dns://[fd00::2]:53/stock:50051', [['stock', 50_051]]],
    ['ipv4:10.0.0.7:50051', [['10.0.0.7', 50_051]]],
    ['ipv4:///10.0.0.7:50051', [['10.0.0.7', 50_051]]],
    [
      'ipv4:10.0.0.7:50051,10.0.0.8:50052',
      [
        ['10.0.0.7', 50_051],
        ['10.0.0.8', 50_052],
      ],
    ],
    [
      'ipv6:[fd00::7]:1,[fd00::8]:2',
      [
        ['fd00::7', 1],
        ['fd00::8', 2],
      ],
    ],
  ])('%s is taken', (target, addresses) => {
    expect(parseTarget('target', target).map(({ host, port }) => [host, port])).toEqual(addresses);
  });

  const text = `a gRPC address of at most 512 visible ASCII characters without blanks, ${EXAMPLES}`;
  const port = `the port is missing; write a target ${EXAMPLES}`;
  const range = `the port must be a number from 1 to 65535; write a target ${EXAMPLES}`;
  const taken = (name: string): string =>
    `the scheme ${name} is not taken; write a target ${EXAMPLES}`;
  const missing = `the host is missing; write a target ${EXAMPLES}`;
  const noHost = (host: string): string => `"${host}" is no host; write a target ${EXAMPLES}`;

  it.each([
    ['', `${text}, got an empty text`],
    ['stock :50051', `${text}, got "stock :50051"`],
    ['größe:50051', `${text}, got "größe:50051"`],
    [`${'x'.repeat(507)}:50051`, `${text}, got "${'x'.repeat(40)}…" (513 characters)`],
    ['stock', port],
    ['stock:', port],
    ['dns:///stock', port],
    ['dns:50051', port],
    ['ipv4:10.0.0.7', port],
    ['ipv4:10.0.0.7:1,10.0.0.8', port],
    ['[fd00::7]', port],
    ['stock:0', range],
    ['stock:65536', range],
    ['stock:grpc', range],
    ['stock:50051/path', range],
    ['stock:-1', range],
    ['fd00::7', range],
    ['unix:/run/stock.sock', taken('unix')],
    ['unix:stock.sock', taken('unix')],
    ['unix:50051', taken('unix')],
    ['unix:///run/stock.sock', taken('unix')],
    ['unix-abstract:stock', taken('unix-abstract')],
    ['xds:///stock', taken('xds')],
    ['http://stock:50051', taken('http')],
    ['https://stock:50051/', taken('https')],
    ['DNS:///stock:50051', taken('DNS')],
    ['passthrough:///stock:50051', taken('passthrough')],
    [':50051', missing],
    ['dns:///:50051', missing],
    ['ipv4::50051', missing],
    ['[]:50051', missing],
    ['//stock:50051', noHost('//stock')],
    ['dns://stock:50051', noHost('//stock')],
    ['a..b:50051', noHost('a..b')],
    ['256.1.1.1:50051', noHost('256.1.1.1')],
    ['[10.0.0.7]:50051', noHost('10.0.0.7')],
    ['a:1,b:2', range],
    ['user@stock:50051', noHost('user@stock')],
    ['*:50051', noHost('*')],
    ['ipv4:stock:50051', `ipv4 takes addresses with ports, no names; write a target ${EXAMPLES}`],
    ['ipv6:stock:50051', `ipv6 takes addresses with ports, no names; write a target ${EXAMPLES}`],
    [
      'ipv4://10.0.0.2/10.0.0.7:50051',
      `ipv4 takes addresses with ports, no names; write a target ${EXAMPLES}`,
    ],
    ['dns://ns/stock:50051', `a name server must be an address; write a target ${EXAMPLES}`],
  ])('%s is refused', (target, refusal) => {
    const got = refusal.includes(', got ') ? refusal : `${refusal}, got "${target}"`;
    expect(refusalOf(target)).toBe(got);
  });
});

describe('a target that names the coordinator', () => {
  const machine = {
    hostname: () => 'Node-7.shop.example',
    addresses: () => ['127.0.0.1', '10.0.0.7', 'fe80::7%eth0', 'fd00::7'],
  };
  const own = new OwnListeners(machine);
  own.add('127.0.0.1:0', 8_420);
  own.add('tercet.example:8421', 8_421);
  const itself = 'names this coordinator itself, which cannot be a participant';

  it.each([
    '127.0.0.1:8420',
    '127.8.9.10:8420',
    '127.1:8420',
    '2130706433:8420',
    '0x7f.0.0.1:8420',
    '0177.0.0.1:8420',
    'localhost:8420',
    'LocalHost.:8420',
    'any.localhost:8420',
    '0.0.0.0:8420',
    '0:8420',
    '[::]:8420',
    '[::1]:8420',
    '[0:0:0:0:0:0:0:1]:8420',
    '[::ffff:127.0.0.1]:8420',
    '[::ffff:7f00:1]:8420',
    '[::ffff:10.0.0.7]:8420',
    '10.0.0.7:8420',
    '[fd00::7]:8420',
    '[fd00:0::7]:8420',
    '[fe80::7%eth0]:8420',
    'node-7.shop.example:8420',
    'NODE-7.shop.example.:8420',
    'node-7:8420',
    'dns:127.0.0.1:8420',
    'dns:///localhost:8420',
    'ipv4:127.0.0.1:8420',
    'ipv6:[::1]:8420',
    'ipv4:10.0.0.8:50051,127.0.0.1:8420',
    'localhost:8421',
    'Tercet.example:8421',
    'localhost:08420',
  ])('is refused: %s', (target) => {
    expect(refusalOf(target, own.includes)).toBe(`${itself}, got "${target}"`);
  });

  it.each([
    '127.0.0.1:8422',
    'localhost:50051',
    '10.0.0.8:8420',
    'node-8:8420',
    'node-7.other.example:8420',
    'tercet.example:8420',
    'localhost.example:8420',
    '[fd00::8]:8420',
    '[::ffff:10.0.0.8]:8420',
    'stock:8420',
  ])('is another one: %s', (target) => {
    expect(refusalOf(target, own.includes)).toBe('accepted');
  });

  it('is known to the machine that it runs on', () => {
    const here = new OwnListeners();
    here.add('127.0.0.1:0', 8_420);
    expect(refusalOf('127.0.0.1:8420', here.includes)).toContain(itself);
    expect(refusalOf('127.0.0.1:8421', here.includes)).toBe('accepted');
  });
});
