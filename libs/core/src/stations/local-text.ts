/** The two languages of everything an operator sees. Vietnamese is written first. */
export type Language = 'vi' | 'en';

export interface LocalText {
  readonly vi: string;
  readonly en: string;
}
