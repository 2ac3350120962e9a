import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { CanhError } from '@canh/core/canh-error';
import type { ProblemView } from '@canh/contract/views.dto';
import type { Log } from '@canh/runtime/log';
import { Problem } from './problem.js';

/** What Nest and Fastify refuse by themselves, by status. */
const GENERAL: Readonly<Record<number, { code: string; vi: string; en: string }>> = {
  400: { code: 'bad-request', vi: 'Yêu cầu không hợp lệ.', en: 'The request is not valid.' },
  401: { code: 'signed-out', vi: 'Bạn chưa đăng nhập.', en: 'You are not signed in.' },
  403: { code: 'forbidden', vi: 'Bạn không có quyền làm việc này.', en: 'You may not do this.' },
  404: { code: 'not-found', vi: 'Không có địa chỉ này.', en: 'There is nothing at this address.' },
  413: { code: 'too-large', vi: 'Nội dung gửi lên quá lớn.', en: 'The body is too large.' },
  415: { code: 'not-json', vi: 'Chỉ nhận JSON.', en: 'Only JSON is accepted.' },
  503: { code: 'busy', vi: 'Máy chủ đang bận hoặc đang dừng.', en: 'The server is busy or stopping.' },
};

/** A lower part that does not answer now and may answer later. */
const UNAVAILABLE = new Set(['STORE_UNAVAILABLE', 'PROCESSOR_UNREACHABLE', 'RECORDS_BUSY', 'RECORDS_UNWRITABLE']);

/** Every refusal and every fault leaves as a ProblemView; what went wrong inside stays in the log. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = this.problemOf(error);
    if (reply.raw.headersSent) {
      reply.raw.destroy();
      return;
    }
    if (error instanceof Problem) void reply.headers(error.headers);
    void reply.status(problem.statusCode).type('application/json; charset=utf-8').send(problem);
  }

  private problemOf(error: unknown): ProblemView {
    if (error instanceof Problem) return { statusCode: error.getStatus(), code: error.code, message: error.message };
    const statusCode = error instanceof HttpException ? error.getStatus() : 500;
    const general = GENERAL[statusCode];
    if (error instanceof HttpException && statusCode < 500) {
      const { code, vi, en } = general ?? { code: 'refused', vi: 'Yêu cầu bị từ chối.', en: 'The request is refused.' };
      return { statusCode, code, message: `${vi} / ${en}${statusCode === 400 ? details(error) : ''}` };
    }
    this.log.error({ err: error }, 'console.failed');
    if (error instanceof CanhError && UNAVAILABLE.has(error.code))
      return {
        statusCode: 503,
        code: 'part-unavailable',
        message:
          'Một bộ phận của hệ thống đang không trả lời. Hãy thử lại sau. / A part of the system does not answer now. Try again later.',
      };
    return {
      statusCode: 500,
      code: 'failed',
      message: 'Máy chủ gặp lỗi; chi tiết ở nhật ký. / The server failed; its log says why.',
    };
  }
}

/** Which fields, in the words of class-validator or of the parser. */
function details(error: HttpException): string {
  const body = error.getResponse();
  const said = typeof body === 'string' ? body : (body as { message?: unknown }).message;
  const parts = Array.isArray(said) ? said.map(String) : typeof said === 'string' ? [said] : [];
  return parts.length === 0 ? '' : ` (${parts.slice(0, 10).join('; ').slice(0, 500)})`;
}
