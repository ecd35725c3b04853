import type { ClientNode } from "./client-node.ts";
import type { Connection } from "./connection.ts";
import { repeatedly, type Context } from "./context.ts";
import type { Strikes } from "./interruptions.ts";
import type { PlainObject } from "./plain-object.ts";
import { NEW } from "./schema-history.ts";
import { selects } from "./selection.ts";
import type { Eyes } from "./sights.ts";
import type { StrictConnection } from "./strict-oracle.ts";
import { readersIn } from "./view-scenario.ts";
import { teamOf } from "./visibility.ts";

/** What may befall those who are on their way to the server. */
export interface Travellers {
  clients(): readonly ClientNode[];
  crashClient(client: ClientNode): void;
  crashServer(): void;
}

/** Which clients are not live, when they go to their server, and what befalls them there. */
export class Journeys {
  readonly #context: Context;
  readonly #travellers: Travellers;

  constructor(context: Context, travellers: Travellers) {
    this.#context = context;
    this.#travellers = travellers;
  }

  /** Undefined of a client that is live; it is the same in all of its lives. */
  strikesOf(index: number): ((client: ClientNode) => Strikes) | undefined {
    const { scenario, random } = this.#context;
    if (scenario.visits === undefined || index >= scenario.clients) return undefined;
    const isExplicit = random.fork(`explicit ${index}`).chance(scenario.visits.explicitChance);
    return isExplicit ? (client) => this.#strikes(client) : undefined;
  }

  /** Has a client go to its server now and then, for as long as it is there. */
  begin({ visiting, key }: ClientNode, isThere: () => boolean): void {
    const { timeline, random, scenario, isCalm } = this.#context;
    if (visiting === undefined || scenario.visits === undefined) return;
    repeatedly(timeline, random.fork(`${key} journeys`), scenario.visits.meanMs, () => {
      if (isCalm() || !isThere()) return false;
      visiting.visit();
      return true;
    });
  }

  /** Has all go until they have nothing left to do. */
  settle(): void {
    for (const client of this.#travellers.clients())
      if (client.visiting !== undefined) client.connect();
  }

  /** How it is judged whether a client lacks something that has come to push, if that is known. */
  strictly(
    connection: Connection,
    client: ClientNode,
    objects: () => Iterable<PlainObject>,
  ): StrictConnection | undefined {
    const { scenario, sights } = this.#context;
    const { isPartial, user, schema } = client;
    const held = client.visiting?.heldAt(connection.client);
    // Of a part that came in disorder nobody knows whether it is as it was shown.
    if (held === undefined || (scenario.isHostile && isPartial)) return undefined;
    // What a gate hides or shows was not written.
    const gates = client.visiting?.gatesAt;
    const hasGates = readersIn(scenario.views?.rules).includes("gate");
    const isClear = (): boolean => !hasGates || gates === sights.visibility.version;
    const isOne = scenario.oldSchemaChance === undefined;
    const eyes: Eyes = { team: teamOf(user), schema: isOne ? NEW : schema };
    const shown = (object: PlainObject): PlainObject | undefined => {
      const sight = isPartial ? sights.shown(eyes, object) : object;
      // What it has asked for since then comes by itself, and what it has taken back does not.
      const { wanted } = client.asking;
      const asked = wanted && held.asked?.filter((topic) => wanted.includes(topic));
      return sight !== undefined && selects(asked, object, sight) ? sight : undefined;
    };
    const isHandled = scenario.handlers.names.length > 0;
    const isOpen = (): boolean => connection.server?.isOpen === true;
    return { held: held.objects, shown, isOpen, objects, isHandled, isClear };
  }

  #strikes(client: ClientNode): Strikes {
    const { network, scenario } = this.#context;
    return {
      cut: () => {
        for (const one of network.connections)
          if (one.client.process === client.process)
            one.cut({ clientNoticesMs: 0, serverNoticesMs: 50 });
      },
      clientCrash: () => {
        const isThere = this.#travellers.clients().includes(client) && !client.isClosed;
        if (isThere && scenario.device !== undefined) this.#travellers.crashClient(client);
      },
      serverCrash: () => this.#travellers.crashServer(),
      disconnect: () => {
        if (!client.isClosed) client.disconnect();
      },
    };
  }
}
