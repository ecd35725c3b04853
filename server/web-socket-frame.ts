const FINAL_BINARY = 0x82;
/** Up to this length the length is the second byte itself. */
const SHORT_MAX = 125;
const MEDIUM_MAX = 0xffff;

/** One unmasked binary WebSocket frame (RFC 6455, 5.2) of a message in two parts. */
export function webSocketFrame(head: Uint8Array, body: Uint8Array | undefined): Buffer {
  const length = head.length + (body?.length ?? 0);
  const extra = length <= SHORT_MAX ? 0 : length <= MEDIUM_MAX ? 2 : 8;
  const frame = Buffer.allocUnsafe(2 + extra + length);
  frame[0] = FINAL_BINARY;
  if (extra === 0) {
    frame[1] = length;
  } else if (extra === 2) {
    frame[1] = SHORT_MAX + 1;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = SHORT_MAX + 2;
    frame.writeUIntBE(0, 2, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  frame.set(head, 2 + extra);
  if (body !== undefined) frame.set(body, 2 + extra + head.length);
  return frame;
}
