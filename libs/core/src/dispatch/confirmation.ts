import type { Contact, DeliveryState, Outcome } from './notice.js';
import { oneLine } from './clean-text.js';
import type { Instant } from '../time/instant.js';

const LONGEST_NAME = 120;

/** An e-mail address of which nobody has said that it is this contact's. Until then it gets one mail, with the code. */
export interface Unconfirmed {
  readonly contact: Contact;
  /** Whoever knows it has read the mail. */
  readonly code: string;
  /** Names that mail for ever. */
  readonly mailId: string;
  /** What became of the mail. */
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly nextAttemptAt: Instant | null;
}

/** Sends the mail with the code. It never throws for what the other side does: that is an Outcome. */
export interface AsksForConfirmation {
  ask(of: Unconfirmed): Promise<Outcome>;
}

export interface ConfirmationText {
  readonly subject: string;
  readonly headline: string;
  readonly lines: readonly string[];
}

const WORDS = {
  vi: {
    subject: 'Canh: xác nhận địa chỉ nhận cảnh báo',
    headline: (code: string) => `Mã xác nhận: ${code}`,
    lines: (name: string, command: string) => [
      `Địa chỉ này được ghi để nhận cảnh báo cho: ${name}.`,
      'Hãy báo mã trên cho người quản trị Canh. Cảnh báo chỉ được gửi đến đây sau khi mã được nhập:',
      command,
      'Nếu bạn không chờ thư này, hãy bỏ qua: sẽ không có thư nào nữa.',
    ],
  },
  en: {
    subject: 'Canh: confirm this address for alerts',
    headline: (code: string) => `Code: ${code}`,
    lines: (name: string, command: string) => [
      `This address was entered to receive alerts for: ${name}.`,
      'Tell the code above to whoever looks after Canh. Alerts come here only after it was entered:',
      command,
      'If you do not expect this mail, ignore it: no other will come.',
    ],
  },
};

export function confirmationText({ contact, code }: Unconfirmed): ConfirmationText {
  const words = WORDS[contact.language];
  return {
    subject: words.subject,
    headline: words.headline(code),
    lines: words.lines(oneLine(contact.name, LONGEST_NAME), `canh contact confirm ${contact.id} ${code}`),
  };
}
