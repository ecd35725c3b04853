import { expect, test } from "@jest/globals";
import { webSocketFrame } from "../../../server/web-socket-frame.ts";

const HEAD = Uint8Array.of(2, 1);

test.each<[length: number, header: number[]]>([
  [2, [0x82, 2]],
  [125, [0x82, 125]],
  [126, [0x82, 126, 0, 126]],
  [65_535, [0x82, 126, 0xff, 0xff]],
  [65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
  [3_000_000, [0x82, 127, 0, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0]],
])("a message of %d bytes has its length in front, and all its bytes", (length, header) => {
  const body = new Uint8Array(length - HEAD.length).map((_, i) => i % 251);
  const frame = Buffer.concat(webSocketFrame(HEAD, body));
  const whole = Buffer.concat([Uint8Array.from(header), HEAD, body]);
  expect(Buffer.compare(frame, whole)).toBe(0);
});

test("a large body is not copied, so that it can wait for many at once", () => {
  const body = new Uint8Array(100_000);
  expect(webSocketFrame(HEAD, body)[1]).toBe(body);
  expect(webSocketFrame(HEAD, undefined)).toEqual([Buffer.from([0x82, 2, 2, 1])]);
});
