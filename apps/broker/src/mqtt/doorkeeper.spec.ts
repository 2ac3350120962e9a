import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Doorkeeper } from './doorkeeper.js';

class Guest extends EventEmitter {
  destroyed = false;
  entered = false;

  leave(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('the doorkeeper', () => {
  let doorkeeper: Doorkeeper;
  const open = (limits: { connections?: number; connectionsPerAddress?: number; connectsPerSecond?: number }) =>
    (doorkeeper = new Doorkeeper({ connections: 100, connectionsPerAddress: 10, connectsPerSecond: 50, ...limits }));
  const come = (address: string): { guest: Guest; why: string | null } => {
    const guest = new Guest();
    return { guest, why: doorkeeper.admit(guest, address, () => (guest.entered = true)) };
  };

  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    doorkeeper.close();
    vi.useRealTimers();
  });

  it('turns away the one that is too many, and lets in the next when somebody has left', () => {
    open({ connections: 2 });
    const [first] = [come('1.2.3.4'), come('5.6.7.8')];
    expect(come('9.9.9.9')).toMatchObject({ why: '2 connections are open', guest: { entered: false } });
    first.guest.leave();
    expect(come('9.9.9.9')).toMatchObject({ why: null, guest: { entered: true } });
    expect(doorkeeper.count).toBe(2);
  });

  it('counts by address, by network of IPv6, and this machine not at all', () => {
    open({ connectionsPerAddress: 1 });
    for (const [address, neighbour] of [
      ['1.2.3.4', '::ffff:1.2.3.4'],
      ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'],
    ] as const) {
      const { guest, why } = come(address);
      expect(why).toBeNull();
      expect(come(neighbour).why).toBe('1 connections are open from this address');
      guest.leave();
      expect(come(neighbour).why).toBeNull();
    }
    for (const address of ['127.0.0.1', '127.0.0.1', '::1', '::1', '::ffff:127.0.0.1'])
      expect(come(address).why).toBeNull();
  });

  it('lets in as many at once as come in a second, and the others in their order at that rate, none of them turned away', () => {
    open({ connectsPerSecond: 50, connections: 1_000, connectionsPerAddress: 1_000 });
    const storm = Array.from({ length: 200 }, () => come('1.2.3.4'));
    const entered = (): number => storm.filter(({ guest }) => guest.entered).length;
    expect(storm.every(({ why }) => why === null)).toBe(true);
    expect(entered()).toBe(50);
    storm[60]!.guest.leave();
    vi.advanceTimersByTime(1_000);
    expect(entered()).toBe(100);
    expect(storm.slice(0, 101).filter(({ guest }) => !guest.entered)).toHaveLength(1);
    vi.advanceTimersByTime(2_000);
    expect(entered()).toBe(199);
  });

  it('has nothing to do any more when nobody waits', () => {
    open({});
    come('1.2.3.4');
    vi.advanceTimersByTime(5_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
