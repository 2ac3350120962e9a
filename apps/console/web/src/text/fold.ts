/** For search: without marks and case, so "thach han" finds "Thạch Hãn", "Hoá" finds "Hóa" and d finds đ. */
export const fold = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/\p{Mn}/gu, '')
    .replaceAll('đ', 'd')
    .replaceAll('Đ', 'D')
    .toLowerCase();

/** Whether every word of the query occurs somewhere in the folded text. */
export function foldedMatch(foldedText: string, query: string): boolean {
  return fold(query)
    .split(/\s+/)
    .every((word) => foldedText.includes(word));
}
