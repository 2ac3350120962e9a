import { isIPv6 } from 'node:net';

/** Whom an address stands for: IPv4 whole; of IPv6 the first 64 bits, since one line of a provider has all the others. */
export function networkOf(address: string): string {
  const plain = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string | undefined): string[] => (part === undefined || part === '' ? [] : part.split(':'));
  const filled = [
    ...groups(head),
    ...(tail === undefined ? [] : Array<string>(8 - groups(head).length - groups(tail).length).fill('0')),
    ...groups(tail),
  ];
  return `${filled
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
