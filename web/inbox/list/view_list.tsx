export function ViewList() {
  return null;
}
