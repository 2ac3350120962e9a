import { randomBytes, randomUUID } from 'node:crypto';
import type { Operators } from '@canh/core/alerts/operators';
import type { Clock } from '@canh/core/time/instant';
import { hashPassword, isPassword } from './sign-in/passwords.js';
import type { ConsoleSettings } from './console.settings.js';

const LOGIN = 'admin';

/**
 * Makes sure that somebody can sign in. The first start makes `admin`, with CANH_ADMIN_PASSWORD or a password that is printed this one
 * time. Later starts make CANH_ADMIN_PASSWORD the password of `admin` where it is another: the way back in for who has lost it, and
 * whoever was signed in signs in again.
 */
export async function ensureAdministrator(
  operators: Operators,
  { adminPassword, language }: Pick<ConsoleSettings, 'adminPassword' | 'language'>,
  clock: Clock,
  print: (line: string) => void,
): Promise<void> {
  if ((await operators.count()) === 0) {
    const password = adminPassword ?? randomBytes(12).toString('base64url');
    await operators.add(
      { id: randomUUID(), login: LOGIN, name: 'Quản trị viên', role: 'admin', language },
      await hashPassword(password),
    );
    if (adminPassword === undefined)
      print(
        `Tài khoản quản trị / administrator: ${LOGIN} · mật khẩu (chỉ hiện một lần) / password (shown only once): ${password}`,
      );
    return;
  }
  if (adminPassword === undefined) return;
  const admin = await operators.byLogin(LOGIN);
  if (admin === null || (await isPassword(adminPassword, admin.passwordHash))) return;
  await operators.setPassword(admin.operator.id, await hashPassword(adminPassword));
  await operators.endSessionsUnusedSince(clock.now() + 1);
  print(
    `Đã đặt lại mật khẩu của ${LOGIN} theo CANH_ADMIN_PASSWORD / the password of ${LOGIN} is now CANH_ADMIN_PASSWORD`,
  );
}
