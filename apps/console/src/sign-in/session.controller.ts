import { Body, Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Operators } from '@canh/core/alerts/operators';
import { SignIn } from '@canh/contract/commands.dto';
import { SessionView } from '@canh/contract/views.dto';
import { Public } from '@canh/runtime/http';
import { ConsoleSettings } from '../console.settings.js';
import { ConsoleMetrics } from '../console.metrics.js';
import { tooManyAttempts, wrongCredentials } from '../problem.js';
import { Now } from '../now.js';
import { sessionView } from '../views/operator-view.js';
import { BackOff } from './back-off.js';
import { refuseCrossSite } from './cross-site.js';
import { Passwords } from './passwords.js';
import { sessionCookie, sessionToken } from './session-cookie.js';
import { Sessions, type SignedIn } from './sessions.js';
import { ByOperator } from './signed-in.js';

@Controller('api/session')
export class SessionController {
  private readonly secure: boolean;

  constructor(
    private readonly settings: ConsoleSettings,
    private readonly operators: Operators,
    private readonly sessions: Sessions,
    private readonly passwords: Passwords,
    private readonly backOff: BackOff,
    private readonly metrics: ConsoleMetrics,
    private readonly clock: Now,
  ) {
    this.secure = settings.speaksTls || settings.publicUrl?.startsWith('https:') === true;
  }

  /** Signs in: sets the session's cookie. A session the browser had before ends. */
  @Public()
  @Post()
  @HttpCode(200)
  async signIn(
    @Body() { login, password }: SignIn,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<SessionView> {
    refuseCrossSite(request, this.settings.publicUrl);
    const attempt = this.backOff.admit(login, request.ip);
    if ('waitMs' in attempt) {
      this.metrics.signIn('held-back');
      throw tooManyAttempts(attempt.waitMs);
    }
    const found = await this.operators.byLogin(login);
    if (!(await this.passwords.check(password, found?.passwordHash ?? null)) || found === null) {
      this.metrics.signIn('refused');
      throw wrongCredentials();
    }
    attempt.succeeded();
    this.metrics.signIn('accepted');
    const before = await this.sessions.use(sessionToken(request.headers.cookie));
    if (before !== null) await this.sessions.end(before.tokenHash);
    void reply.header('set-cookie', sessionCookie(await this.sessions.start(found.operator.id), this.secure));
    return sessionView(found.operator, this.settings, this.clock.now());
  }

  /** Who is signed in. */
  @Get()
  session(@ByOperator() { operator }: SignedIn): SessionView {
    return sessionView(operator, this.settings, this.clock.now());
  }

  /** Signs out. */
  @Delete()
  @HttpCode(204)
  async signOut(@ByOperator() { tokenHash }: SignedIn, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    await this.sessions.end(tokenHash);
    void reply.header('set-cookie', sessionCookie(null, this.secure));
  }
}
