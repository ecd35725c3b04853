interface Parser {
  decodePayload(payload: string, binaryType?: unknown): readonly object[];
}

interface Connection {
  readonly transport: { readonly name: string; parser?: Partial<Parser> };
}

interface Engine {
  on(event: "connection", listener: (connection: Connection) => void): unknown;
}

/** What engine.io-parser makes of what it cannot read: with it the connection ends. */
const UNREADABLE = [{ type: "error", data: "parser error" }] as const;
const SEPARATOR = "\u001e";

/**
 * Has what is posted by polling end its connection when it has more packets than anybody may send at once.
 * engine.io takes all of them in one turn of the loop: of a megabyte, half a million take half a second.
 */
export function limitPackets(engine: object, packetsMax: number): void {
  (engine as Engine).on("connection", ({ transport }) => {
    const { name, parser } = transport;
    if (name !== "polling" || typeof parser?.decodePayload !== "function") return;
    const decode = parser.decodePayload.bind(parser);
    // It has the parser in common with all other connections.
    transport.parser = {
      ...parser,
      decodePayload: (payload, binaryType) =>
        hasMore(payload, packetsMax) ? UNREADABLE : decode(payload, binaryType),
    };
  });
}

function hasMore(payload: string, packetsMax: number): boolean {
  let count = 1;
  for (let at = payload.indexOf(SEPARATOR); at !== -1; at = payload.indexOf(SEPARATOR, at + 1)) {
    count += 1;
    if (count > packetsMax) return true;
  }
  return false;
}
