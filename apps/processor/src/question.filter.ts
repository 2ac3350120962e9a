import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { CanhError } from '@canh/core/canh-error';
import type { FastifyReply } from 'fastify';

/** Answers a question that failed with its code and words. */
@Catch()
export class QuestionFilter implements ExceptionFilter {
  catch(error: Error, host: ArgumentsHost): void {
    const code = error instanceof CanhError ? error.code : 'PROCESSOR_REFUSED';
    void host.switchToHttp().getResponse<FastifyReply>().status(400).send({ code, message: error.message });
  }
}
