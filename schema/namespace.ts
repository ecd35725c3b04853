/** Of what kind an object is: what stands before the first colon of its id, or all of an id without one. */
export function namespaceOf(id: string): string {
  const colon = id.indexOf(":");
  return colon < 0 ? id : id.slice(0, colon);
}
