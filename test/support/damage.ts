/*
 * What no server has written, as an SQL statement that makes it of a world "arena" with two objects,
 * a tombstone and two decisions (filled-store.ts). `{}` is what the tables' names begin with.
 */

/** What damages the rows, and what the refusal must tell. */
export const DAMAGES: readonly (readonly [sql: string, tells: RegExp])[] = [
  ["UPDATE {}worlds SET epoch = ''", /no epoch/],
  ["UPDATE {}worlds SET seq = -1", /seq is -1/],
  ["UPDATE {}worlds SET seq = 1", /tree \(handle 1\).* 2, is beyond the world's seq, 1/],
  ["UPDATE {}worlds SET horizon = 9", /horizon, 9, is beyond the seq, 3/],
  ["UPDATE {}worlds SET ledger_horizon = 9", /ledger's horizon, 9/],
  ["UPDATE {}worlds SET next_handle = 2", /stone \(handle 2\).*never given: 2 is next/],
  ["UPDATE {}objects SET id = '' WHERE handle = 1", /no id/],
  ["UPDATE {}objects SET id = 'tree' WHERE handle = 2", /tree \(handle 2\).*two of this id/],
  ["UPDATE {}objects SET created = 3 WHERE handle = 1", /tree.*created at 3, after/],
  ["UPDATE {}objects SET forgotten = 8 WHERE handle = 1", /tree.*forgotten 8/],
  ["UPDATE {}objects SET handle = -4 WHERE handle = 1", /handle -4/],
  ["UPDATE {}objects SET properties = '[1]' WHERE handle = 1", /tree.*cannot be read/],
  ['UPDATE {}objects SET properties = \'{"x":{"$date":""}}\'', /cannot be read.*no date/],
  ["UPDATE {}objects SET properties = '{\"y\":1}' WHERE handle = 1", /tree.*y has no revision/],
  ["UPDATE {}objects SET names = '[7]' WHERE handle = 1", /tree.*no names/],
  ["UPDATE {}objects SET names = '[]' WHERE handle = 1", /tree.*do not match/],
  ["UPDATE {}objects SET revisions = '[3]' WHERE handle = 1", /tree.*x is newer than itself/],
  ["UPDATE {}decisions SET seq = 4 WHERE n = 2", /ann's write 2.* 4, beyond the world's seq, 3/],
  ["UPDATE {}decisions SET n = 0 WHERE n = 2", /ann's write 0.*no number/],
  ["UPDATE {}decisions SET outcome = 'null'", /ann's write 1.*cannot be read/],
  ["UPDATE {}decisions SET outcome = '{\"what\":1}'", /ann's write 1.*no outcome/],
  ["UPDATE {}decisions SET owner = '{'", /ann's write 1.*cannot be read/],
];
