const [QUOTE, ESCAPE, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_LIST, OPEN_OBJECT, CLOSE_LIST, CLOSE_OBJECT] = [0x5b, 0x7b, 0x5d, 0x7d];

export interface JsonBounds {
  /** Values, those in other values among them. */
  readonly valuesMax: number;
  readonly depthMax: number;
}

/**
 * What is too much about a text that is to be parsed as JSON, without parsing it. What has so many values
 * would keep the loop: 6 MB of "[" take half a second, 6 MB of text a few milliseconds. And of what is so
 * deep, whoever writes it as JSON again, or looks at it by calling itself, would run out of stack.
 */
export function excessOf(
  json: Uint8Array,
  { valuesMax, depthMax }: JsonBounds,
): "values" | "depth" | undefined {
  let [values, depth, isText] = [1, 0, false];
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === ESCAPE ? 1 : 0;
    else if (byte === COMMA) values += 1;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      values += 1;
      depth += 1;
      if (depth > depthMax) return "depth";
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
  }
  return values > valuesMax ? "values" : undefined;
}
