import type { ClientNode } from "./client-node.ts";
import type { Connection } from "./connection.ts";
import { repeatedly, type Context } from "./context.ts";
import type { SeededRandom } from "./random.ts";
import type { FaultKind } from "./scenario.ts";

/** After so long without a sign of life, a side gives its connection up: engine.io's defaults. */
const PING_WINDOW_MS = 45_000;
const FLAP_MS = 100;

/** What can befall a whole simulation besides its network. */
export interface Victims {
  clients(): readonly ClientNode[];
  crashServer(): void;
  closeServer(): void;
  /** Another server opens the world, while this one goes on. */
  takeOver(): void;
  /** The server is started over what its world was some time ago. */
  restore(): void;
  crashClient(client: ClientNode): void;
}

/** Makes trouble, at random, until the time has come to heal. */
export class Trouble {
  readonly #context: Context;
  readonly #random: SeededRandom;
  readonly #victims: Victims;

  constructor(context: Context, victims: Victims) {
    this.#context = context;
    this.#random = context.random.fork("trouble");
    this.#victims = victims;
  }

  begin(): void {
    const { scenario, timeline, isCalm } = this.#context;
    const { faults, faultMeanMs } = scenario;
    if (faults.length === 0) return;
    repeatedly(timeline, this.#random, faultMeanMs, () => {
      if (isCalm()) return false;
      this.#strike(this.#random.pick(faults));
      return true;
    });
  }

  #strike(fault: FaultKind): void {
    const random = this.#random;
    const { network, trace, timeline } = this.#context;
    const { connections } = network;
    if (fault === "serverCrash") this.#victims.crashServer();
    else if (fault === "serverClose") this.#victims.closeServer();
    else if (fault === "takeover") this.#victims.takeOver();
    else if (fault === "restore") this.#victims.restore();
    else if (fault === "clientCrash") this.#onClient((client) => this.#victims.crashClient(client));
    else if (fault === "flap") this.#onClient(({ key }) => this.#flap(nameOf(key), 20));
    else if (fault === "block") {
      this.#onClient(({ key }) => network.block(nameOf(key), random.exponential(4_000)));
    } else if (connections.length > 0) {
      const connection = random.pick(connections);
      trace.add(timeline.now, connection.name, `suffers: ${fault}`);
      this.#hurt(connection, fault);
    }
  }

  #hurt(connection: Connection, fault: "cut" | "halfOpen" | "stick" | "hold"): void {
    const random = this.#random;
    const { up, down } = connection;
    switch (fault) {
      case "cut":
        connection.cut({
          clientNoticesMs: random.between(0, 500),
          serverNoticesMs: random.between(0, 500),
        });
        return;
      case "halfOpen": {
        const late = random.between(5_000, PING_WINDOW_MS);
        const soon = random.between(0, late);
        const isClientLate = random.chance(0.5);
        connection.cut({
          clientNoticesMs: isClientLate ? late : soon,
          serverNoticesMs: isClientLate ? soon : late,
        });
        return;
      }
      case "stick":
        down.stick(random.exponential(8_000));
        return;
      case "hold": {
        const forMs = random.exponential(8_000);
        if (random.chance(0.6)) down.hold(forMs);
        if (random.chance(0.6)) up.hold(forMs);
        if (forMs > 20_000) this.#giveUp(connection);
      }
    }
  }

  #giveUp(connection: Connection): void {
    const fate = {
      clientNoticesMs: this.#random.between(0, 25_000),
      serverNoticesMs: this.#random.between(0, 25_000),
    };
    this.#context.timeline.after(20_000, () => connection.cut(fate));
  }

  #flap(name: string, times: number): void {
    const { network, timeline, isCalm } = this.#context;
    if (times === 0 || isCalm()) return;
    for (const connection of network.connections) {
      if (connection.name === name) connection.cut({ clientNoticesMs: 0, serverNoticesMs: 50 });
    }
    timeline.after(FLAP_MS, () => this.#flap(name, times - 1));
  }

  #onClient(harm: (client: ClientNode) => void): void {
    const clients = this.#victims.clients();
    if (clients.length === 0) return;
    const client = this.#random.pick(clients);
    harm(client);
  }
}

/** A client's name, whichever of its lives it is in. */
function nameOf(key: string): string {
  return key.slice(0, key.lastIndexOf("-"));
}
