import { Room, type Client as RoomClient } from "@colyseus/core";
import { schema, StateView, t } from "@colyseus/schema";
import { CELL_SIZE, MARGIN } from "../field.ts";
import type { Player, PlayerId } from "../world.ts";
import { join, PlayerState, serve, ThingState } from "./colyseus.ts";
import { TICK_MS, type Contestant } from "./contestant.ts";

const FieldState = schema(
  { players: t.map(PlayerState).view(), things: t.map(ThingState) },
  "Field",
);

/** Of `x` or `y`: how many cells there are before. */
interface Cell {
  readonly column: number;
  readonly row: number;
}

interface Entered {
  readonly view: StateView;
  readonly player: InstanceType<typeof PlayerState>;
  cell: Cell;
}

/**
 * Interest as the documentation has it: the map of players is filtered, each client has a `StateView`, and
 * players are added to it and removed. When is decided where it is cheapest: as somebody changes cells.
 */
class FieldRoom extends Room {
  override state = new FieldState();
  override patchRate = TICK_MS;
  override autoDispose = false;
  readonly #inCells = new Map<string, Set<Entered>>();

  override onJoin(client: RoomClient): void {
    client.view = new StateView();
  }

  override messages = {
    enter: (client: RoomClient, { id, player: at }: { id: PlayerId; player: Player }) => {
      const player = new PlayerState(at);
      const cell = cellAt(at.x, at.y);
      const entered: Entered = { view: client.view as StateView, player, cell };
      client.userData = entered;
      this.state.players.set(id, player);
      entered.view.add(player);
      for (const other of this.#around(cell)) seeEachOther(entered, other);
      this.#enter(entered, cell);
      return true;
    },
    move: (client: RoomClient, { x, y, t }: Player) => {
      const entered = client.userData as Entered;
      entered.player.x = x;
      entered.player.y = y;
      entered.player.t = t;
      if (!isStillIn(entered.cell, x, y)) this.#change(entered, cellAt(x, y));
    },
  };

  #change(entered: Entered, cell: Cell): void {
    const before = new Set(this.#around(entered.cell));
    this.#inCells.get(keyOf(entered.cell))?.delete(entered);
    before.delete(entered);
    for (const other of this.#around(cell)) {
      if (!before.delete(other)) seeEachOther(entered, other);
    }
    for (const other of before) {
      entered.view.remove(other.player);
      other.view.remove(entered.player);
    }
    this.#enter(entered, cell);
  }

  #enter(entered: Entered, cell: Cell): void {
    entered.cell = cell;
    const key = keyOf(cell);
    const those = this.#inCells.get(key) ?? new Set();
    this.#inCells.set(key, those.add(entered));
  }

  #around({ column, row }: Cell): Entered[] {
    const all: Entered[] = [];
    for (let dx = -1; dx <= 1; dx += 1) {
      for (let dy = -1; dy <= 1; dy += 1) {
        const those = this.#inCells.get(keyOf({ column: column + dx, row: row + dy }));
        those?.forEach((one) => all.push(one));
      }
    }
    return all;
  }
}

/** What this project's grid does, by Colyseus's means. */
export const colyseusView: Contestant = {
  packages: ["@colyseus/core", "@colyseus/ws-transport", "@colyseus/schema", "@colyseus/sdk"],
  can: { resume: false, acknowledge: false },
  startServer: () => serve(FieldRoom),
  connectClient: join,
};

function seeEachOther(one: Entered, other: Entered): void {
  one.view.add(other.player);
  other.view.add(one.player);
}

function cellAt(x: number, y: number): Cell {
  return { column: Math.floor(x / CELL_SIZE), row: Math.floor(y / CELL_SIZE) };
}

function isStillIn({ column, row }: Cell, x: number, y: number): boolean {
  return isWithin(column, x) && isWithin(row, y);
}

function isWithin(place: number, at: number): boolean {
  const start = place * CELL_SIZE;
  return at >= start - MARGIN && at < start + CELL_SIZE + MARGIN;
}

function keyOf({ column, row }: Cell): string {
  return `${column}:${row}`;
}
