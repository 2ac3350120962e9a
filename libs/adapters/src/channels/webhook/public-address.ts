import { BlockList, isIP, isIPv4 } from 'node:net';

/** IPv4 blocks that are not the public internet, from IANA's registry of special-purpose addresses. */
const NOT_PUBLIC_V4: readonly [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];

/** Inside 2000::/3, which is all of IPv6 that is handed out: protocol assignments and Teredo, documentation, 6to4 (an IPv4 address in disguise). */
const NOT_PUBLIC_V6: readonly [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];

const notPublicV4 = new BlockList();
for (const [net, prefix] of NOT_PUBLIC_V4) notPublicV4.addSubnet(net, prefix, 'ipv4');
const notPublicV6 = new BlockList();
for (const [net, prefix] of NOT_PUBLIC_V6) notPublicV6.addSubnet(net, prefix, 'ipv6');
const handedOutV6 = new BlockList();
handedOutV6.addSubnet('2000::', 3, 'ipv6');

/** Whether an address leads to the public internet, and not to this machine, its network or a cloud's metadata. What is no address is not public. */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  if (isIPv4(address)) return !notPublicV4.check(address, 'ipv4');
  // IPv4-mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96) lie outside 2000::/3 and fall with the rest of it.
  return handedOutV6.check(address, 'ipv6') && !notPublicV6.check(address, 'ipv6');
}
