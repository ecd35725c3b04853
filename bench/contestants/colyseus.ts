import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { matchMaker, Room, Server, type Client as RoomClient } from "@colyseus/core";
import { Encoder, schema, t, type SchemaType } from "@colyseus/schema";
import { Callbacks, Client } from "@colyseus/sdk";
import { WebSocketTransport } from "@colyseus/ws-transport";
import {
  thing,
  thingId,
  type Player,
  type PlayerId,
  type Thing,
  type WorldView,
} from "../world.ts";
import {
  TICK_MS,
  unable,
  type ClientEvents,
  type Contestant,
  type ContestantClient,
  type ContestantServer,
} from "./contestant.ts";

// Types as narrow as the values allow: fewer bytes than `number`.
export const PlayerState = schema({ x: t.int16(), y: t.int16(), t: t.float64() }, "Player");
export const ThingState = schema(
  { x: t.int16(), y: t.int16(), name: t.string(), hp: t.uint16(), kind: t.string() },
  "Thing",
);
const ArenaState = schema({ players: t.map(PlayerState), things: t.map(ThingState) }, "Arena");
type ArenaState = SchemaType<typeof ArenaState>;

/** What every room here has. */
export type State = Pick<ArenaState, "players" | "things">;

// As its own warning asks when a state is larger than 8 KB.
Encoder.BUFFER_SIZE = 16 * 1024 * 1024;

class ArenaRoom extends Room {
  override state = new ArenaState();
  override patchRate = TICK_MS;
  override autoDispose = false;

  override messages = {
    enter: (client: RoomClient, { id, player }: { id: PlayerId; player: Player }) => {
      client.userData = { player: new PlayerState(player) };
      this.state.players.set(id, (client.userData as Entered).player);
      return true;
    },
    move: (client: RoomClient, { x, y, t }: Player) => {
      const { player } = client.userData as Entered;
      player.x = x;
      player.y = y;
      player.t = t;
    },
    write: (_client: RoomClient, { index, hp }: { index: number; hp: number }) => {
      const target = this.state.things.get(thingId(index));
      if (target !== undefined) target.hp = hp;
      return true;
    },
  };
}

interface Entered {
  readonly player: InstanceType<typeof PlayerState>;
}

/** Its state and patches are what it replicates; its requests are what it acknowledges. */
export const colyseus: Contestant = {
  packages: ["@colyseus/core", "@colyseus/ws-transport", "@colyseus/schema", "@colyseus/sdk"],
  can: { resume: false, acknowledge: true },

  startServer: () => serve(ArenaRoom),
  connectClient: join,
};

/** The server's end, with one room of this kind. */
export async function serve(room: new () => Room): Promise<ContestantServer> {
  const http = createServer();
  const server = new Server({
    greet: false,
    transport: new WebSocketTransport({ server: http }),
  });
  server.define("arena", room);
  await server.listen(0, "127.0.0.1");
  if (!http.listening) await once(http, "listening");
  const { roomId } = await matchMaker.createRoom("arena", {});
  const state = matchMaker.getLocalRoomById(roomId).state as State;

  return {
    port: (http.address() as AddressInfo).port,
    addThings(count) {
      for (let i = 0; i < count; i += 1) state.things.set(thingId(i), new ThingState(thing(i)));
    },
    setHp(index, hp) {
      const target = state.things.get(thingId(index));
      if (target !== undefined) target.hp = hp;
    },
    setName(index, name) {
      const target = state.things.get(thingId(index));
      if (target !== undefined) target.name = name;
    },
    view: () => viewOf(state),
  };
}

/** A client's end, in whichever room there is. */
export async function join(port: number, events: ClientEvents): Promise<ContestantClient> {
  const client = new Client(`http://127.0.0.1:${port}`);
  const room = await client.join<ArenaRoom>("arena");
  const whole = new Promise<void>((resolve) => {
    room.onStateChange.once(() => resolve());
  });
  const callbacks = Callbacks.get(room);
  callbacks.onAdd("players", (player, id) => {
    callbacks.onChange(player, () => events.moved(id as PlayerId, player.t));
  });
  await whole;

  return {
    async enter(id, player) {
      await room.request("enter", { id, player });
    },
    move: (player) => room.send("move", player),
    async write(index, hp) {
      await room.request("write", { index, hp });
    },
    view: () => viewOf(room.state),
    leave: () => unable("resume"),
    comeBack: () => unable("resume"),
    close: () => void room.leave(),
  };
}

/** Where players are filtered, a client to whom none was shown yet has no map of them. */
function viewOf(state: Partial<State>): WorldView {
  return {
    players: new Map(state.players?.entries()) as ReadonlyMap<string, Player>,
    things: new Map(state.things?.entries()) as ReadonlyMap<string, Thing>,
  };
}
