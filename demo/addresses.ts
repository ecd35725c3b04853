import { networkInterfaces } from "node:os";

/** Where other devices on the same network find this one. */
export function neighbourUrls(port: number): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === "IPv4" && !internal)
    .map(({ address }) => `http://${address}:${port}`);
}

/** The port asked for by the environment variable PORT; 0 lets the system choose. */
export function portFrom(text: string | undefined, otherwise: number): number {
  if (text === undefined || text.trim() === "") return otherwise;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`PORT is "${text}", which is not a port: use a number from 0 to 65535.`);
}
