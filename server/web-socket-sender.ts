/** What ws keeps behind a WebSocket to write frames with. */
interface Sender {
  sendFrame(frame: readonly Uint8Array[], onWritten: () => void): void;
}

interface WebSocket {
  readonly extensions: string;
  readonly bufferedAmount: number;
  readonly _sender?: Partial<Sender> | null;
}

/** Writes one frame that is made already, as one or two buffers. */
export type SendFrame = (frame: readonly Uint8Array[]) => void;

/**
 * Writes frames to a WebSocket of ws as engine.io does with frames that are made already, but past
 * engine.io's queue and the events around it. Undefined when this cannot be done: ws is another than is
 * known here, or has an extension, and may hold back what it is still compressing. `onDrained` is called
 * when what had to wait has left. A frame that cannot leave ends the connection, which is heard of there.
 */
export function frameSender(webSocket: object, onDrained: () => void): SendFrame | undefined {
  const { extensions, _sender: sender } = webSocket as Partial<WebSocket>;
  if (extensions !== "" || !canSendFrames(sender)) return undefined;
  let isWaiting = false;
  const waits = (): boolean => (webSocket as WebSocket).bufferedAmount > 0;
  const onWritten = (): void => {
    if (!isWaiting || waits()) return;
    isWaiting = false;
    onDrained();
  };
  return (frame) => {
    sender.sendFrame(frame, onWritten);
    isWaiting ||= waits();
  };
}

function canSendFrames(sender: Partial<Sender> | null | undefined): sender is Sender {
  return typeof sender?.sendFrame === "function";
}
