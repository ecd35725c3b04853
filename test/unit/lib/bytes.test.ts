import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../lib/bytes.ts";
import { anyCount, anyText, BOUNDARY_INTEGERS } from "../../support/arbitraries.ts";
import { codeOf } from "../../support/hostile.ts";

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.take();
}

test("a varint comes back as it was, in as few bytes as seven bits each allow", () => {
  fc.assert(
    fc.property(anyCount, (value) => {
      const bytes = written((writer) => writer.varint(value));
      const reader = new ByteReader(bytes);
      expect(reader.varint()).toBe(value);
      expect(reader.left).toBe(0);
      const bits = value === 0 ? 1 : value.toString(2).length;
      expect(bytes.length).toBe(Math.ceil(bits / 7));
    }),
  );
  const all = BOUNDARY_INTEGERS.filter((value) => value >= 0);
  const reader = new ByteReader(written((writer) => all.forEach((value) => writer.varint(value))));
  expect(all.map(() => reader.varint())).toEqual(all);
});

test("a varint beyond 2^53 - 1 is refused, and so is one that never ends", () => {
  const varint = (bytes: number[]) => codeOf(() => new ByteReader(Uint8Array.from(bytes)).varint());
  expect(varint([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])).toBeUndefined(); // 2^53 - 1
  expect(varint([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10])).toBe("invalid_payload"); // 2^53
  expect(varint([0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10])).toBe("invalid_payload");
  expect(varint(new Array<number>(100).fill(0x80))).toBe("invalid_payload");
  expect(varint([...new Array<number>(8).fill(0x80), 0])).toBe("invalid_payload");
  expect(varint([0x80])).toBe("invalid_payload");
  expect(varint([])).toBe("invalid_payload");
});

test("a text comes back as it was, unpaired surrogates and all", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const reader = new ByteReader(written((writer) => writer.text(text)));
      expect(reader.text()).toBe(text);
      expect(reader.left).toBe(0);
    }),
  );
});

test("well-formed text is UTF-8 on the wire", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
      const bytes = written((writer) => writer.textWithoutLength(text));
      expect(Buffer.from(bytes).toString("utf8")).toBe(text);
    }),
  );
});

test("a text's length is in bytes, also where that takes more bytes than the characters' count", () => {
  for (const length of [42, 43, 63, 64, 127, 128, 5461, 5462, 16_383, 16_384]) {
    for (const character of ["a", "é", "漢", "😀"]) {
      const text = character.repeat(length);
      const reader = new ByteReader(written((writer) => writer.text(text)));
      expect(reader.varint()).toBe(Buffer.byteLength(text));
      expect(reader.textOf(reader.left)).toBe(text);
    }
  }
});

test("a long text is read whole wherever its parts are joined", () => {
  for (let shift = 0; shift < 4; shift++) {
    const text = "a".repeat(1_020 + shift) + "😀é漢".repeat(1_000);
    const reader = new ByteReader(written((writer) => writer.text(text)));
    expect(reader.text()).toBe(text);
  }
});

test("what is not UTF-8 is refused", () => {
  const malformed = [
    [0x80], // a continuation without a start
    [0xc3], // a start without its continuation
    [0xc3, 0x28],
    [0xe2, 0x82],
    [0xe2, 0x28, 0xac],
    [0xf0, 0x9f, 0x98],
    [0xf5, 0x80, 0x80, 0x80], // above U+10FFFF
    [0xf8, 0x88, 0x80, 0x80, 0x80],
    [0xff],
  ];
  for (const bytes of malformed) {
    const reader = new ByteReader(Uint8Array.from([bytes.length, ...bytes]));
    expect(codeOf(() => reader.text())).toBe("invalid_payload");
  }
});

test("a character never reaches beyond its text", () => {
  const reader = new ByteReader(Uint8Array.from([1, 0xe2, 0x82, 0xac]));
  expect(codeOf(() => reader.text())).toBe("invalid_payload");
});

test("floats come back as they were", () => {
  const any = fc.double();
  fc.assert(
    fc.property(any, fc.float(), (double, single) => {
      const bytes = written((writer) => {
        writer.float64(double);
        writer.float32(single);
      });
      const reader = new ByteReader(bytes);
      expect(reader.float64()).toBe(double);
      expect(reader.float32()).toBe(single);
    }),
  );
});

test("bytes that were read are a copy, also from a Node buffer", () => {
  const message = Buffer.from([1, 2, 3, 4]);
  const bytes = new ByteReader(message).raw(3);
  message.fill(0);
  expect(bytes).toStrictEqual(Uint8Array.of(1, 2, 3));
  expect(bytes.buffer.byteLength).toBe(3);
});

test("a reader honours where its bytes lie in their buffer", () => {
  const whole = written((writer) => {
    writer.float64(1);
    writer.float64(2.5);
  });
  expect(new ByteReader(whole.subarray(8)).float64()).toBe(2.5);
});

test("nothing is read past the end", () => {
  const three = () => new ByteReader(Uint8Array.of(3, 1, 2));
  expect(codeOf(() => three().float32())).toBe("invalid_payload");
  expect(codeOf(() => three().float64())).toBe("invalid_payload");
  expect(codeOf(() => three().raw(4))).toBe("invalid_payload");
  expect(codeOf(() => three().textOf(4))).toBe("invalid_payload");
  expect(codeOf(() => three().text())).toBe("invalid_payload");
  expect(codeOf(() => three().count())).toBe("invalid_payload");
  expect(codeOf(() => new ByteReader(new Uint8Array()).byte())).toBe("invalid_payload");
});

test("a count is never more than the bytes that are left", () => {
  expect(new ByteReader(Uint8Array.of(2, 0, 0)).count()).toBe(2);
  expect(codeOf(() => new ByteReader(Uint8Array.of(3, 0, 0)).count())).toBe("invalid_payload");
});

test("a writer grows as needed, and what it gave away stays as it is", () => {
  const writer = new ByteWriter();
  const large = new Uint8Array(100_000).fill(7);
  writer.raw(large);
  writer.float64(1.5);
  expect(writer.length).toBe(100_008);
  const taken = writer.take();
  expect(writer.length).toBe(0);
  const other = new ByteWriter();
  other.text("again");
  writer.text("and again");
  expect(Buffer.compare(taken.subarray(0, 100_000), large)).toBe(0);
  expect(new ByteReader(taken.subarray(100_000)).float64()).toBe(1.5);
  expect(new ByteReader(other.take()).text()).toBe("again");
  expect(new ByteReader(writer.take()).text()).toBe("and again");
});
