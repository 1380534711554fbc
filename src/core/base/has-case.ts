/** Whether folding case makes other characters of any of these. */
export function hasCase(text: string): boolean {
  return text.toLowerCase() !== text || text.toUpperCase() !== text;
}
