/** A number with its noun: `1 branch`, `2 branches`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
