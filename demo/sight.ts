/**
 * How far a player sees, in world units. The server sends nothing from beyond; pages draw fog there.
 * A window shows about 1,100 by 700 units: so its corners say that the world goes on.
 */
export const sightUnits = 470;
