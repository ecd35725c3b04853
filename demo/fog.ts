import type { Plugin, SessionInfo, Topic } from "../server/index.ts";
import { grid } from "../server/plugins/grid/index.ts";
import { censusNamespace, kinds, playerNamespace, whisperNamespace } from "./kinds.ts";
import { playerIn } from "./pass.ts";
import { sightUnits } from "./sight.ts";

const cellUnits = 90;
/** A page is a little ahead of what the server knows of where its player is. */
const aheadUnits = 50;

const standing = [...Object.keys(kinds), playerNamespace];
const topics = (...namespaces: string[]): Topic[] => namespaces.map((namespace) => ({ namespace }));
const forPlayers = topics(whisperNamespace, censusNamespace);
const forSpectators = topics(...standing, censusNamespace);

/** Shows players what is around their avatar, and what they are told wherever they are; spectators everything. */
export function fog(): Plugin {
  return grid({
    namespaces: standing,
    cellSize: cellUnits,
    radius: sightUnits + aheadUnits,
    follow: (session: SessionInfo) => playerIn(session.identity)?.id,
    besides: ({ identity }) => (playerIn(identity) === undefined ? forSpectators : forPlayers),
  });
}
